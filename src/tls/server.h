// Server: accepts connections on one listener, runs their handshakes under caps and deadlines, hands each to its
// handler.
//
// The one place where an inbound refusal becomes its one log record (`tls.refused`) and its one count. Lives on one
// loop.
#pragma once

#include <functional>

#include "net/socket.h"
#include "tls/handshake.h"

namespace countersign::tls {

/// Told of every outcome, for metrics. Called on the server's loop.
class ServerObserver {
 public:
  virtual ~ServerObserver() = default;
  virtual void accepted() = 0;
  virtual void refused(trust::Reason reason) = 0;
  /// Not our verdict: the client's alert, a protocol error, a timeout, a reset.
  virtual void failed(const std::string& error_code) = 0;
  /// Over a cap: closed before the handshake.
  virtual void shed() = 0;
};

struct ServerOptions {
  std::string name;                  ///< of the listener, in log records
  std::size_t connections = 20'000;  ///< live at once, handshakes included
  std::size_t handshakes = 1'024;    ///< under way at once
  base::Duration handshake_time = std::chrono::seconds(10);
};

/// `Peer` is VerifiedPeer (mutual TLS) or std::optional<VerifiedPeer> (certificates verified when sent).
template <class Peer>
class Server {
 public:
  using Handler = std::function<net::Task<void>(Connection<Peer>)>;
  /// Asked at each connection, so that new certificates and trust act at once.
  using Context = std::function<std::shared_ptr<const ServerContext>()>;

  /// Borrows everything; `loop` must be the listener's.
  Server(net::Loop& loop, net::Listener& listener, ServerOptions options, Context context, JudgeClient judge,
         Handler handler, ServerObserver& observer, const base::Log& log);

  /// Accepts until the listener is closed; connections then go on.
  net::Task<void> run();
  /// True once every connection has ended; false when the deadline passed first.
  net::Task<bool> wait_until_empty(net::Deadline deadline) { return tasks_.wait_until_empty(deadline); }
  std::size_t live() const { return tasks_.live(); }

 private:
  net::Task<void> serve(net::Socket socket);
  net::Task<base::Result<Connection<Peer>, HandshakeFailure>> shake_hands(net::Socket socket);
  void report(const HandshakeFailure& failure, const net::Endpoint& address) const;

  net::Loop& loop_;
  net::Listener& listener_;
  ServerOptions options_;
  Context context_;
  JudgeClient judge_;
  Handler handler_;
  ServerObserver& observer_;
  const base::Log& log_;
  net::TaskGroup tasks_;
  std::size_t handshakes_ = 0;
};

extern template class Server<VerifiedPeer>;
extern template class Server<std::optional<VerifiedPeer>>;

/// The fields that every record of a refusal has: trust::to_fields, then `alert`, `address`, `sni` and `listener`.
base::Fields refusal_record(const trust::Refusal& refusal, const net::Endpoint& address, const std::string& server_name,
                            const std::string& listener);

}  // namespace countersign::tls
