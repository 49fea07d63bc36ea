// Alarm: calls a function at a deadline, unless it is cancelled first. Coarse (20 ms steps), no timer of its own.
#pragma once

#include <functional>

#include "net/deadline_wheel.h"
#include "net/loop.h"

namespace countersign::net {

/// Lives on one loop; cancels itself when it dies.
class Alarm final : public DeadlineWheel::Entry {
 public:
  /// `ring` must not throw.
  Alarm(Loop& loop, std::function<void()> ring) : loop_(loop), ring_(std::move(ring)) {}
  /// Replaces what was set before.
  void set(Deadline deadline) { loop_.wheel().arm(*this, deadline); }
  void cancel() noexcept { disarm(); }

 private:
  void on_deadline() noexcept override { ring_(); }
  Loop& loop_;
  std::function<void()> ring_;
};

}  // namespace countersign::net
