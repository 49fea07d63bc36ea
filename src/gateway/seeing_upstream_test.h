// An upstream for tests, on a thread of its own.
#pragma once

#include <thread>

#include "http/server.h"
#include "net/socket.h"
#include "testing/run.h"

namespace countersign::gateway {

/// Answers every request with the fields it saw.
class SeeingUpstream {
 public:
  SeeingUpstream() : listener_(net::Listener::bind(loop_, {.at = {"127.0.0.1", 0}}).value()) {
    net::spawn(loop_, accept(), "upstream", log_.log());
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~SeeingUpstream() {
    loop_.stop();
    thread_.join();
  }
  const net::Endpoint& at() const { return listener_.local(); }

 private:
  net::Task<void> accept() {
    for (;;) {
      auto socket = co_await listener_.accept();
      if (!socket) co_return;
      net::spawn(loop_, serve(std::move(*socket)), "upstream.connection", log_.log());
    }
  }
  net::Task<void> serve(net::Socket socket) {
    const http::Handler handler = [](http::Request request) { return answer(std::move(request)); };
    const http::ServerOptions options;
    co_await http::serve(socket, handler, options);
  }
  static net::Task<http::Response> answer(http::Request request) {
    http::Response response;
    for (const http::Field& field : request.head.fields)
      response.body += field.name + ": " + field.value + "\n";
    co_return response;
  }

  testing::KeptLog log_;
  net::Loop loop_;
  net::Listener listener_;
  std::thread thread_;
};

}  // namespace countersign::gateway
