// An upstream that says what it was told to say, whatever it is asked.
#pragma once

#include <array>

#include "gateway/upstreams_test.h"

namespace countersign::gateway {

/// Says the same bytes to every request head (of a connection, or to the first one), at once and whatever follows it.
class RudeUpstream final : public LoopbackUpstream {
 public:
  explicit RudeUpstream(const base::Log& log) : LoopbackUpstream(log) { start(); }
  ~RudeUpstream() { stop(); }
  /// Before the first request.
  void say(std::string text, std::string from_then_on = {}) {
    text_ = std::move(text);
    next_ = from_then_on.empty() ? text_ : std::move(from_then_on);
  }
  /// Ends the connections that there are. Thread-safe.
  void hang_up() {
    loop().post([this] {
      for (const auto& end : std::exchange(ends_, {}))
        end();
    });
  }
  std::string heard() const {
    const std::lock_guard lock(mutex_);
    return heard_;
  }

 private:
  net::Task<void> serve(net::Socket socket) override {
    ends_.push_back(socket.hang_up());
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

  std::string text_;
  std::string next_;
  std::vector<std::function<void()>> ends_;
  mutable std::mutex mutex_;
  std::string heard_;
};

}  // namespace countersign::gateway
