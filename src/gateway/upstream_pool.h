// UpstreamPool: kept-alive connections to upstreams, for one loop.
#pragma once

#include <deque>
#include <map>
#include <memory>

#include "http/h1_reader.h"
#include "net/socket.h"

namespace countersign::gateway {

/// One connection to an upstream and what was read of it.
struct UpstreamConnection {
  UpstreamConnection(net::Socket s, net::Endpoint e)
      : socket(std::move(s)), endpoint(std::move(e)), reader(socket, {}) {}
  net::Socket socket;
  net::Endpoint endpoint;
  http::H1Reader reader;
  std::string head = {};  ///< of the request under way, as it was sent; its memory serves the next one
  bool reused = false;    ///< it has served a request before
};

class UpstreamPool {
 public:
  /// At most this many idle connections are kept for each upstream; each for at most this long.
  static constexpr std::size_t kIdleLimit = 256;
  static constexpr base::Duration kIdleTime = std::chrono::seconds(30);
  /// An idle connection keeps so much memory for the next head.
  static constexpr std::size_t kHeadMemory = 4 * 1024;

  explicit UpstreamPool(net::Loop& loop) : loop_(loop) {}

  /// An idle connection on which nothing unexpected arrived, or null.
  std::unique_ptr<UpstreamConnection> take_idle(const net::Endpoint& endpoint);
  /// A connection surely not used before. Fails: `net.connect`, `net.resolve`, `net.timeout`.
  net::Task<base::Result<std::unique_ptr<UpstreamConnection>>> connect(net::Endpoint endpoint, net::Deadline deadline);
  /// Gives back a connection whose last response was read to its end and that both sides keep alive.
  void give_back(std::unique_ptr<UpstreamConnection> connection);
  /// Closes what has been idle too long.
  void sweep();

 private:
  struct Idle {
    std::unique_ptr<UpstreamConnection> connection;
    net::Deadline until;
  };
  net::Loop& loop_;
  std::map<net::Endpoint, std::deque<Idle>> idle_;  ///< newest at the back
};

}  // namespace countersign::gateway
