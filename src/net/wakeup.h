// Wakeup: one task waits, somebody on the same loop wakes it.
#pragma once

#include "net/deadline_wheel.h"

namespace countersign::net {

class Wakeup {
 public:
  explicit Wakeup(Executor executor) : timer_(executor) {}
  /// A wake before the wait counts too.
  void wake();
  /// True when woken, false when the deadline passed first.
  Task<bool> wait(Deadline deadline);

 private:
  Timer timer_;
  bool woken_ = false;
};

}  // namespace countersign::net
