// A service over TLS that speaks HTTP/2 or HTTP/1.1 as ALPN says, on the loop of its test.
#pragma once

#include "http/h2_session.h"
#include "http/server.h"
#include "testing/admit_service.h"
#include "testing/pki.h"
#include "testing/soon.h"
#include "tls/handshake.h"

namespace countersign::gateway {

using testing::soon;

/// Speaks HTTP/2 or HTTP/1.1 as ALPN says; what is `held` is answered when it is let go, /healthz counted apart.
class TlsService {
 public:
  TlsService(net::Loop& loop, const base::Log& log, testing::Pki& pki)
      : loop_(loop), log_(log), pki_(pki), listener_(*net::Listener::bind(loop, {.at = {"127.0.0.1", 0}})) {
    net::spawn(loop, accept(), "service", log);
  }
  net::Endpoint at() const { return listener_.local(); }
  void use(std::shared_ptr<const tls::ServerContext> context) { context_ = std::move(context); }

  int accepted = 0;
  int connections = 0;  ///< of these, whose handshake is done
  int of_http2 = 0;
  int ended = 0;
  int requests = 0;
  int checks = 0;
  int at_once = 0;
  int status = 200;
  bool lets_in = true;         ///< else handshakes wait for it
  std::string held = "/held";  ///< the path of which answers wait for it
  bool let_go = false;
  std::string body = {};           ///< of answers over HTTP/1.1
  std::vector<std::string> shown;  ///< serial number of each client's certificate

 private:
  net::Task<void> accept() {
    for (;;) {
      auto socket = co_await listener_.accept();
      if (!socket) co_return;
      ++accepted;
      net::spawn(loop_, serve(std::move(*socket)), "service.connection", log_);
    }
  }
  net::Task<void> serve(net::Socket socket) {
    tls::JudgeClient judge = [this](const trust::Presented& presented) {
      return testing::admit_service(pki_, presented);
    };
    auto context = context_;
    while (!lets_in)
      co_await net::sleep_until(net::Deadline::after(std::chrono::milliseconds(5)));
    auto connection =
        co_await tls::Handshake::accept_optional(std::move(socket), std::move(context), std::move(judge), soon());
    if (!connection) co_return;
    ++connections;
    if (connection->peer) shown.push_back(connection->peer->certificate().serial().hex());
    if (connection->protocol == tls::Protocol::http_2) {
      ++of_http2;
      http::H2Session session(
          loop_, *connection->stream,
          {.serve = [this](http::H2Stream s) { net::spawn(loop_, answer(std::move(s)), "a", log_); },
           .malformed = [](const base::Error&) {}},
          log_);
      (void)co_await session.run();
    } else {
      const http::Handler handler = [this](http::Request request) { return answer_http1(std::move(request)); };
      const http::ServerOptions options;
      co_await http::serve(*connection->stream, handler, options);
    }
    ++ended;
  }
  net::Task<void> answer(http::H2Stream stream) {
    ++(stream.head().target == "/healthz" ? checks : requests);
    ++at_once;
    while (stream.head().target == held && !let_go && !stream.is_gone())
      co_await net::sleep_until(net::Deadline::after(std::chrono::milliseconds(5)));
    stream.send_head(status, {}, http::H2Stream::Body::none);
    (void)co_await stream.finish(soon());
    --at_once;
  }
  net::Task<http::Response> answer_http1(http::Request request) {
    ++(request.head.target == "/healthz" ? checks : requests);
    ++at_once;
    while (request.head.target == held && !let_go)
      co_await net::sleep_until(net::Deadline::after(std::chrono::milliseconds(5)));
    --at_once;
    http::Response response;
    response.status = status;
    response.body = body;
    co_return response;
  }

  net::Loop& loop_;
  const base::Log& log_;
  testing::Pki& pki_;
  net::Listener listener_;
  std::shared_ptr<const tls::ServerContext> context_;
};

}  // namespace countersign::gateway
