// PlainServer: HTTP without TLS, only for what a machine asks itself: health and metrics on loopback.
#pragma once

#include <memory>

#include "http/server.h"
#include "net/socket.h"

namespace countersign::http {

class PlainServer {
 public:
  /// Binds to a loopback address. Fails: `net.listen`, `http.not_loopback`.
  static base::Result<std::unique_ptr<PlainServer>> bind(net::Loop& loop, const net::Endpoint& at, Handler handler,
                                                         const base::Log& log);
  /// The same with a socket that listens already.
  static base::Result<std::unique_ptr<PlainServer>> on(net::Loop& loop, net::ListenSocket socket, Handler handler,
                                                       const base::Log& log);
  const net::Endpoint& local() const { return listener_.local(); }
  /// Takes no more connections; run() ends.
  void close() { listener_.close(); }
  /// Serves until close() (net::accept_each); at most kConnections at once.
  net::Task<void> run();

 private:
  static constexpr std::size_t kConnections = 64;
  PlainServer(net::Loop& loop, net::Listener listener, Handler handler, const base::Log& log)
      : listener_(std::move(listener)), handler_(std::move(handler)), log_(log), connections_(loop, log) {}
  net::Task<void> serve_one(net::Socket socket);

  net::Listener listener_;
  Handler handler_;
  const base::Log& log_;
  net::TaskGroup connections_;
};

/// An address of 127.0.0.0/8, ::1, or exactly "localhost"; no other name, whatever it looks like.
bool is_loopback(const net::Endpoint& endpoint);

}  // namespace countersign::http
