// What tests put on the other end of the gateway: upstreams that tell what they saw; and a log to search.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "http/server.h"
#include "net/socket.h"

namespace countersign::gateway {

/// Keeps every log line, to be searched.
class Lines final : public base::LogSink {
 public:
  void write(std::string_view line) override {
    const std::lock_guard lock(mutex_);
    text_ += std::string(line) + "\n";
    written_.notify_all();
  }
  /// Is there such a line, or does one come? (A client can be done before the server has said what it did.)
  bool has(const std::string& part) {
    std::unique_lock lock(mutex_);
    return written_.wait_for(lock, std::chrono::seconds(20), [&] { return text_.find(part) != std::string::npos; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable written_;
  std::string text_;
};

/// An upstream at a port of its own, on a thread of its own.
class LoopbackUpstream {
 public:
  LoopbackUpstream(const LoopbackUpstream&) = delete;
  const net::Endpoint& at() const { return listener_.local(); }
  int connections() const { return connections_; }

 protected:
  explicit LoopbackUpstream(const base::Log& log)
      : log_(log), listener_(*net::Listener::bind(loop_, {.at = {"127.0.0.1", 0}})) {}
  ~LoopbackUpstream() = default;
  /// The last thing that a constructor does.
  void start() {
    net::spawn(loop_, accept(), "upstream", log_);
    thread_ = std::thread([this] { loop_.run(); });
  }
  /// The first thing that a destructor does.
  void stop() {
    loop_.stop();
    thread_.join();
  }
  virtual net::Task<void> serve(net::Socket socket) = 0;
  net::Loop& loop() { return loop_; }

 private:
  net::Task<void> accept() {
    for (;;) {
      auto socket = co_await listener_.accept();
      if (!socket) co_return;
      ++connections_;
      net::spawn(loop_, serve(std::move(*socket)), "upstream.connection", log_);
    }
  }

  const base::Log& log_;
  net::Loop loop_;
  net::Listener listener_;
  std::atomic<int> connections_{0};
  std::thread thread_;
};

/// Answers every request with what it saw: the request line, each field, and the length of the body.
class TellingUpstream final : public LoopbackUpstream {
 public:
  explicit TellingUpstream(const base::Log& log) : LoopbackUpstream(log) { start(); }
  ~TellingUpstream() { stop(); }
  int requests() const { return requests_; }

 private:
  net::Task<void> serve(net::Socket socket) override {
    http::ServerOptions options;
    options.body_bytes = 64 * 1024 * 1024;
    const http::Handler handler = [this](http::Request request) { return answer(std::move(request)); };
    co_await http::serve(socket, handler, options);
  }
  net::Task<http::Response> answer(http::Request request) {
    ++requests_;
    http::Response response;
    response.body = request.head.method + " " + request.head.target + "\n";
    for (const http::Field& field : request.head.fields)
      response.body += field.name + ": " + field.value + "\n";
    response.body += "body " + std::to_string(request.body.size()) + "\n";
    if (request.head.target == "/echo") response.body = std::move(request.body);
    response.fields.add("X-Countersign-Application", "said-by-upstream");
    co_return response;
  }

  std::atomic<int> requests_{0};
};

}  // namespace countersign::gateway
