// Upstreams that keep their clients waiting: one that takes all and says nothing, one that says more than anybody
// reads, one that does not listen.
#pragma once

#include <array>

#include "gateway/upstreams_test.h"
#include "testing/soon.h"

namespace countersign::gateway {

using testing::soon;
/// Far less than any time after which something would end by itself.
inline constexpr base::Duration kAtOnce = std::chrono::seconds(8);
/// Far more: what ends by then has been ended.
inline constexpr base::Duration kNotByItself = std::chrono::seconds(60);

/// Takes all and keeps its end open; says `first` once it has heard something.
class HoldingUpstream final : public LoopbackUpstream {
 public:
  explicit HoldingUpstream(const base::Log& log, std::string first = {})
      : LoopbackUpstream(log), first_(std::move(first)) {
    start();
  }
  ~HoldingUpstream() { stop(); }
  int ended() const { return ended_; }  ///< by the other side
  std::string heard() const {
    const std::lock_guard lock(mutex_);
    return heard_;
  }

 private:
  net::Task<void> serve(net::Socket accepted) override {
    net::Socket& socket = *held_.emplace_back(std::make_unique<net::Socket>(std::move(accepted)));
    std::array<std::uint8_t, 4096> buffer;
    for (;;) {
      const auto count = co_await socket.read_some(buffer, soon());
      if (!count || *count == 0) break;
      if (!first_.empty()) (void)co_await socket.write_all(base::as_bytes(first_), soon());
      first_.clear();
      const std::lock_guard lock(mutex_);
      heard_.append(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*count));
    }
    ++ended_;
  }

  std::string first_;
  std::vector<std::unique_ptr<net::Socket>> held_;
  std::atomic<int> ended_{0};
  mutable std::mutex mutex_;
  std::string heard_;
};

/// Says `first`, and then bytes without end, once it has heard something.
class FloodingUpstream final : public LoopbackUpstream {
 public:
  explicit FloodingUpstream(const base::Log& log, std::string first = {})
      : LoopbackUpstream(log), first_(std::move(first)) {
    start();
  }
  ~FloodingUpstream() { stop(); }
  std::uint64_t sent() const { return sent_; }
  int ended() const { return ended_; }  ///< by the other side

 private:
  net::Task<void> serve(net::Socket socket) override {
    std::array<std::uint8_t, 4096> buffer;
    (void)co_await socket.read_some(buffer, soon());
    (void)co_await socket.write_all(base::as_bytes(first_), soon());
    const std::string piece(16 * 1024, 'x');
    while (co_await socket.write_all(base::as_bytes(piece), net::Deadline::after(kNotByItself)))
      sent_ += piece.size();
    ++ended_;
  }

  const std::string first_;
  std::atomic<std::uint64_t> sent_{0};
  std::atomic<int> ended_{0};
};

/// Says `first` once it has heard something, and hears no more.
class DeafUpstream final : public LoopbackUpstream {
 public:
  explicit DeafUpstream(const base::Log& log, std::string first = {})
      : LoopbackUpstream(log), first_(std::move(first)) {
    start();
  }
  ~DeafUpstream() { stop(); }

 private:
  net::Task<void> serve(net::Socket accepted) override {
    net::Socket& socket = *held_.emplace_back(std::make_unique<net::Socket>(std::move(accepted)));
    std::array<std::uint8_t, 4096> buffer;
    (void)co_await socket.read_some(buffer, soon());
    (void)co_await socket.write_all(base::as_bytes(first_), soon());
  }

  const std::string first_;
  std::vector<std::unique_ptr<net::Socket>> held_;
};

inline const std::string kSwitching =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Accept: x\r\n\r\n";

}  // namespace countersign::gateway
