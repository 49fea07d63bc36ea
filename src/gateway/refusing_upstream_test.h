// An upstream of HTTP/2 that refuses what it is asked, its frames made by hand, and a partner that says what it is told
// to.
#pragma once

#include <array>
#include <atomic>
#include <thread>

#include "gateway/doors_test.h"
#include "http/h2_session.h"
#include "http/h2_wire_test.h"

namespace countersign::gateway {

/// Its first connections refuse; later ones answer each request with its body.
class RefusingUpstream {
 public:
  struct Manner {
    int connections = 1;  ///< that refuse
    std::size_t after;    ///< so many bytes of the body
    std::string says;
  };
  RefusingUpstream() : listener_(net::Listener::bind(loop_, {.at = {"127.0.0.1", 0}}).value()) {
    net::spawn(loop_, accept(), "refusing", log_.log());
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~RefusingUpstream() {
    loop_.stop();
    thread_.join();
  }
  const net::Endpoint& at() const { return listener_.local(); }
  /// Before the first request.
  void use(Manner manner) { manner_ = std::move(manner); }
  int connections() const { return connections_; }
  int answered() const { return answered_; }

 private:
  static net::Deadline soon() { return net::Deadline::after(std::chrono::seconds(20)); }

  net::Task<void> accept() {
    for (;;) {
      auto socket = co_await listener_.accept();
      if (!socket) co_return;
      if (++connections_ <= manner_.connections) net::spawn(loop_, refuse(std::move(*socket)), "refuse", log_.log());
      else net::spawn(loop_, serve(std::move(*socket)), "serve", log_.log());
    }
  }
  /// Its windows are large, so that only `after` says how much comes.
  net::Task<void> refuse(net::Socket socket) {
    using namespace http;
    const std::string begin = frame(kSettings, 0, 0, number(4, 2) + number(1 << 20, 4)) + frame(kSettings, 1, 0) +
                              frame(kWindow, 0, 0, number(1 << 20, 4));
    (void)co_await socket.write_all(base::as_bytes(begin), soon());
    std::string heard;
    std::array<std::uint8_t, 16 * 1024> buffer;
    for (bool said = false;;) {
      const auto count = co_await socket.read_some(buffer, soon());
      if (!count || *count == 0) co_return;
      heard += base::as_text(std::span(buffer).first(*count));
      if (said || !is_due(heard)) continue;
      said = true;
      (void)co_await socket.write_all(base::as_bytes(manner_.says), soon());
    }
  }
  bool is_due(const std::string& heard) const {
    constexpr std::size_t kPrefaceBytes = 24;
    if (heard.size() < kPrefaceBytes) return false;
    bool asked = false;
    std::size_t body = 0;
    for (const http::Seen& one : http::frames_of(std::string_view(heard).substr(kPrefaceBytes))) {
      asked = asked || one.type == http::kHeaders;
      if (one.type == http::kData) body += one.payload.size();
    }
    return asked && body >= manner_.after;
  }
  net::Task<void> serve(net::Socket socket) {
    http::H2Session session(
        loop_, socket,
        {.serve = [this](http::H2Stream stream) { net::spawn(loop_, answer(std::move(stream)), "a", log_.log()); },
         .malformed = [](const base::Error&) {}},
        log_.log());
    (void)co_await session.run();
  }
  net::Task<void> answer(http::H2Stream stream) {
    std::string body;
    std::array<std::uint8_t, 4096> buffer;
    while (!stream.at_end_of_message()) {
      const auto count = co_await stream.read_body_some(buffer, soon());
      if (!count) co_return;
      body += base::as_text(std::span(buffer).first(*count));
    }
    ++answered_;
    const std::string length = std::to_string(body.size());
    const std::vector<http::FieldView> fields{{"content-length", length}};
    stream.send_head(200, fields, http::H2Stream::Body::follows);
    (void)co_await stream.write(body, soon());
    (void)co_await stream.finish(soon());
  }

  testing::KeptLog log_;
  net::Loop loop_;
  net::Listener listener_;
  Manner manner_ = {.after = 0, .says = {}};
  std::atomic<int> connections_{0};
  std::atomic<int> answered_{0};
  std::thread thread_;
};

/// What a partner says: before the next line it waits until what it heard ends so, or until the end where `await` is
/// empty.
struct PartnersLine {
  std::string say;
  std::string await = {};
  std::function<void()> then = {};
};

}  // namespace countersign::gateway
