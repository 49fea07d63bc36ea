// An upstream of HTTP/2 that refuses what it is asked, its frames made by hand, and a partner that says what it is told
// to.
#pragma once

#include <array>
#include <atomic>
#include <thread>

#include "gateway/doors_test.h"
#include "http/h2_wire_test.h"
#include "testing/soon.h"

namespace countersign::gateway {

using testing::soon;

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
  net::Task<void> accept() {
    for (;;) {
      auto socket = co_await listener_.accept();
      if (!socket) co_return;
      if (++connections_ <= manner_.connections) net::spawn(loop_, refuse(std::move(*socket)), "refuse", log_.log());
      else net::spawn(loop_, serve(std::move(*socket)), "serve", log_.log());
    }
  }
  /// Its windows are large, so that only what the test says ends anything.
  static std::string greeting() {
    using namespace http;
    return frame(kSettings, 0, 0, number(4, 2) + number(1 << 20, 4)) + frame(kSettings, 1, 0) +
           frame(kWindow, 0, 0, number(1 << 20, 4));
  }
  struct Heard {
    bool asked = false;
    bool whole = false;
    std::size_t stream = 0;
    std::string body = {};
  };
  static Heard read_of(const std::string& bytes) {
    constexpr std::size_t kPrefaceBytes = 24;
    Heard heard;
    if (bytes.size() < kPrefaceBytes) return heard;
    for (const http::Seen& one : http::frames_of(std::string_view(bytes).substr(kPrefaceBytes))) {
      if (one.type != http::kHeaders && one.type != http::kData) continue;
      heard.asked = true;
      heard.stream = one.stream;
      if (one.type == http::kData) heard.body += one.payload;
      heard.whole = (one.flags & http::kEndStream) != 0;
    }
    return heard;
  }
  net::Task<void> refuse(net::Socket socket) {
    const auto is_due = [this](const Heard& heard) { return heard.asked && heard.body.size() >= manner_.after; };
    const auto says = [this](const Heard&) { return manner_.says; };
    co_await say_when(std::move(socket), is_due, says);
  }
  net::Task<void> serve(net::Socket socket) {
    const auto is_due = [](const Heard& heard) { return heard.whole; };
    const auto echo = [this](const Heard& heard) {
      using namespace http;
      constexpr std::size_t kLargest = 16 * 1024;
      ++answered_;
      const std::string length = std::to_string(heard.body.size());
      std::string out =
          frame(kHeaders, kEndHeaders, heard.stream, block({{":status", "200"}, {"content-length", length}}));
      for (std::size_t at = 0; at < heard.body.size(); at += kLargest)
        out += frame(kData, 0, heard.stream, heard.body.substr(at, kLargest));
      return out + frame(kData, kEndStream, heard.stream);
    };
    co_await say_when(std::move(socket), is_due, echo);
  }
  /// Says once what `what` makes of what was heard, when it is due.
  static net::Task<void> say_when(net::Socket socket, std::function<bool(const Heard&)> is_due,
                                  std::function<std::string(const Heard&)> what) {
    const std::string hello = greeting();
    (void)co_await socket.write_all(base::as_bytes(hello), soon());
    std::string bytes;
    std::array<std::uint8_t, 16 * 1024> buffer;
    for (bool said = false;;) {
      const auto count = co_await socket.read_some(buffer, soon());
      if (!count || *count == 0) co_return;
      bytes += base::as_text(std::span(buffer).first(*count));
      const Heard heard = read_of(bytes);
      if (said || !is_due(heard)) continue;
      said = true;
      const std::string out = what(heard);
      (void)co_await socket.write_all(base::as_bytes(out), soon());
    }
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
