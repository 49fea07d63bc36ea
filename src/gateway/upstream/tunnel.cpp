#include "gateway/upstream/tunnel.h"

#include <memory>

namespace countersign::gateway {
namespace {

constexpr std::size_t kBuffer = 16 * 1024;
/// To say goodbye to the side that goes on.
constexpr base::Duration kFinishTime = std::chrono::seconds(2);
constexpr base::Duration kUnwindTime = std::chrono::seconds(5);

class Tunnel {
 public:
  Tunnel(TunnelEnds ends, base::Duration idle_time) : ends_(std::move(ends)), idle_time_(idle_time) {
    for (net::Stream* end : {&ends_.client, &ends_.upstream})
      end->when_aborted([this] { abort(); });
  }
  ~Tunnel() {
    for (net::Stream* end : {&ends_.client, &ends_.upstream})
      end->when_aborted({});
  }
  Tunnel(const Tunnel&) = delete;

  net::Task<void> carry_up() { return carry(TunnelWay::up); }
  net::Task<void> carry_down() { return carry(TunnelWay::down); }
  void abort() noexcept {
    ends_.client.abort();
    ends_.upstream.abort();
    if (ends_.meter != nullptr) ends_.meter->end();
  }
  TunnelOutcome take_outcome() { return std::move(outcome_); }

 private:
  /// All that one end says goes to the other.
  net::Task<void> carry(TunnelWay way) {
    net::Stream& from = way == TunnelWay::up ? ends_.client : ends_.upstream;
    net::Stream& to = way == TunnelWay::up ? ends_.upstream : ends_.client;
    const std::string& early = way == TunnelWay::up ? ends_.from_client : ends_.from_upstream;
    if (!early.empty() && !co_await pass_on(way, base::as_bytes(early))) co_return;
    const auto buffer = std::make_unique_for_overwrite<std::uint8_t[]>(kBuffer);
    for (;;) {
      const net::Deadline deadline{last_moved() + idle_time_};
      const auto got = co_await from.read_some({buffer.get(), kBuffer}, deadline);
      // This side was silent; the other one may have spoken meanwhile.
      if (!got && got.error().kind == base::Kind::timeout &&
          last_moved() + idle_time_ > std::chrono::steady_clock::now())
        continue;
      if (!got) {
        fail(got.error());
        co_return;
      }
      if (*got == 0) {
        co_await to.finish(net::Deadline::after(kFinishTime));
        co_return;
      }
      const base::BytesView piece(buffer.get(), *got);
      if (!co_await pass_on(way, piece)) co_return;
    }
  }

  net::Task<bool> pass_on(TunnelWay way, base::BytesView bytes) {
    net::Stream& to = way == TunnelWay::up ? ends_.upstream : ends_.client;
    moved_ = std::chrono::steady_clock::now();
    auto passed = co_await to.write_all(bytes, net::Deadline::after(idle_time_));
    if (passed) {
      (way == TunnelWay::up ? outcome_.to_upstream : outcome_.to_client) += bytes.size();
      ++held_up_;
      if (ends_.meter != nullptr) passed = co_await ends_.meter->passed(way, bytes.size());
      --held_up_;
    }
    if (!passed) fail(passed.error());
    moved_ = std::chrono::steady_clock::now();
    co_return passed.has_value();
  }

  /// While we hold up one way ourselves, nobody is silent.
  std::chrono::steady_clock::time_point last_moved() const {
    return held_up_ > 0 ? std::chrono::steady_clock::now() : moved_;
  }

  /// The first failure is the one that counts: aborting makes others.
  void fail(const base::Error& error) {
    if (!outcome_.failure) outcome_.failure = error;
    abort();
  }

  TunnelEnds ends_;
  base::Duration idle_time_;
  TunnelOutcome outcome_ = {};
  int held_up_ = 0;  ///< ways that wait for the meter
  std::chrono::steady_clock::time_point moved_ = std::chrono::steady_clock::now();
};

}  // namespace

net::Task<TunnelOutcome> run_tunnel(net::Loop& loop, const base::Log& log, TunnelEnds ends, base::Duration idle_time) {
  Tunnel tunnel(std::move(ends), idle_time);
  net::TaskGroup beside(loop, log);
  beside.spawn(tunnel.carry_up(), "gateway.tunnel");
  co_await tunnel.carry_down();
  // The client may go on after the upstream has ended; carry_up() ends by itself after idle_time at the latest.
  for (bool ended = false; !ended;)
    ended = co_await beside.wait_until_empty(net::Deadline::after(idle_time + kUnwindTime));
  co_return tunnel.take_outcome();
}

}  // namespace countersign::gateway
