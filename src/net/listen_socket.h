// ListenSocket: a TCP socket that listens, and that no loop watches yet: opened here, or received from the process
// before us. Connections that wait in it are kept for whoever watches it, in whatever process.
//
// It is made into a Listener by Listener::watch. Belongs to one thread at a time.
#pragma once

#include "base/result.h"
#include "net/endpoint.h"

namespace countersign::net {

class ListenSocket {
 public:
  struct Options {
    Endpoint at;
    bool reuse_port = false;  ///< one listener a thread on the same port (SO_REUSEPORT)
    int backlog = 1024;
  };
  /// Fails: `net.listen`, naming the address and the reason.
  static base::Result<ListenSocket> open(const Options& options);
  /// The address that open() would bind for `at`, names looked up. Fails: `net.listen`.
  static base::Result<Endpoint> address_of(const Endpoint& at);
  /// Owns `descriptor` from now on, also when it fails: `net.not_listening` where it is no TCP socket that listens.
  static base::Result<ListenSocket> adopt(int descriptor);

  ListenSocket(ListenSocket&& other) noexcept;
  ListenSocket& operator=(ListenSocket&& other) noexcept;
  ~ListenSocket();

  /// Another descriptor of the same socket: both take from one queue of connections. Fails: `net.listen`.
  base::Result<ListenSocket> duplicate() const;
  /// The address bound, with the real port.
  const Endpoint& local() const { return local_; }
  int descriptor() const { return descriptor_; }
  /// Owned by the caller from now on.
  int release();

 private:
  explicit ListenSocket(int descriptor);
  int descriptor_;
  Endpoint local_;
};

}  // namespace countersign::net
