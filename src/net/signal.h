// Signal: one task waits, somebody on the same loop raises it. As Wakeup, but cheap enough for every step of a stream:
// its deadline is coarse (20 ms steps) and costs neither memory nor a system call.
#pragma once

#include "net/deadline_wheel.h"
#include "net/loop.h"
#include "net/waiters.h"

namespace countersign::net {

/// Lives on one loop. At most one task waits at a time.
class Signal final : private DeadlineWheel::Entry {
 public:
  explicit Signal(Loop& loop) : loop_(loop), place_(loop.waiters()) {}
  /// Wakes whoever waits, behind everything that is ready on the loop already; a signal raised before the wait counts
  /// too.
  void raise();
  /// True when it was raised, and then it is down again; false when the deadline passed first.
  Task<bool> wait(Deadline deadline);

 private:
  void on_deadline() noexcept override;

  Loop& loop_;
  Waiters::Place place_;
  bool raised_ = false;
  bool late_ = false;
};

}  // namespace countersign::net
