// An upstream that says what it was told to say, whatever it is asked.
#pragma once

#include <array>

#include "gateway/upstreams_test.h"

namespace countersign::gateway {

/// Says the same bytes to every request head (of a connection, or to the first one), at once and whatever follows it.
class RudeUpstream {
 public:
  explicit RudeUpstream(const base::Log& log)
      : log_(log), listener_(*net::Listener::bind(loop_, TellingUpstream::at_any_port())) {
    net::spawn(loop_, accept(), "rude", log_);
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~RudeUpstream() {
    loop_.stop();
    thread_.join();
  }
  const net::Endpoint& at() const { return listener_.local(); }
  int connections() const { return connections_; }
  /// Before the first request.
  void say(std::string text, std::string from_then_on = {}) {
    text_ = std::move(text);
    next_ = from_then_on.empty() ? text_ : std::move(from_then_on);
  }
  /// Ends the connections that there are. Thread-safe.
  void hang_up() {
    loop_.post([this] {
      for (const auto& end : std::exchange(ends_, {}))
        end();
    });
  }
  std::string heard() const {
    const std::lock_guard lock(mutex_);
    return heard_;
  }

 private:
  net::Task<void> accept() {
    for (;;) {
      auto socket = co_await listener_.accept();
      if (!socket) co_return;
      ++connections_;
      ends_.push_back(socket->hang_up());
      net::spawn(loop_, serve(std::move(*socket)), "rude.connection", log_);
    }
  }
  net::Task<void> serve(net::Socket socket) {
    std::array<std::uint8_t, 4096> buffer;
    for (bool first = true;;) {
      const auto count = co_await socket.read_some(buffer, net::Deadline::after(std::chrono::seconds(20)));
      if (!count || *count == 0) co_return;
      const std::string part(reinterpret_cast<const char*>(buffer.data()), *count);
      {
        const std::lock_guard lock(mutex_);
        heard_ += part;
      }
      if (part.find("\r\n\r\n") == std::string::npos) continue;
      const std::string& answer = std::exchange(first, false) ? text_ : next_;
      if (!co_await socket.write_all(base::as_bytes(answer), net::Deadline::after(std::chrono::seconds(20)))) co_return;
    }
  }

  const base::Log& log_;
  net::Loop loop_;
  net::Listener listener_;
  std::atomic<int> connections_{0};
  std::string text_;
  std::string next_;
  std::vector<std::function<void()>> ends_;
  mutable std::mutex mutex_;
  std::string heard_;
  std::thread thread_;
};

}  // namespace countersign::gateway
