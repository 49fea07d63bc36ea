// Resolver: host names to addresses, on threads of its own, because the system's lookup blocks and cannot be
// interrupted. Private to net.
//
// A name that nobody answers holds up at most one of the threads: whoever else asks for it waits for the same lookup.
// Answers are kept for a moment, and the last good one serves a while longer when a lookup fails or stays away.
// Belongs to its loop's thread. Its death does not wait for a lookup that hangs: the thread is left to end by itself.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/ip/tcp.hpp>

#include "net/task.h"

namespace countersign::net {

class Loop;

class Resolver {
 public:
  using Addresses = std::vector<boost::asio::ip::tcp::endpoint>;  ///< at least one; the port is 0
  using Lookup = std::function<base::Result<Addresses>(const std::string& name)>;
  struct Options {
    Lookup lookup;  ///< may block; called on several threads at once, also after the resolver's death
    std::size_t threads = 4;
    std::size_t names = 1024;  ///< remembered at once
    base::Duration fresh = std::chrono::seconds(5);
    base::Duration stale = std::chrono::seconds(60);
  };

  /// Borrows `loop`, which outlives it. Threads start when they are needed.
  Resolver(Loop& loop, Options options);
  ~Resolver();
  Resolver(const Resolver&) = delete;

  /// An address literal is its own answer. Old addresses are given out at half of the time to the deadline at the
  /// latest, so that there is time left to use them. Fails: `net.resolve`, `net.timeout`.
  Task<base::Result<Addresses>> resolve(std::string name, Deadline deadline);

 private:
  struct State;
  std::shared_ptr<State> state_;  ///< shared with suspended resolve() only
};

/// getaddrinfo(3). Fails: `net.resolve`.
base::Result<Resolver::Addresses> look_up(const std::string& name);

}  // namespace countersign::net
