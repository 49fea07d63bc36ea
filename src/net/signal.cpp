#include "net/signal.h"

namespace countersign::net {

void Signal::raise() {
  if (raised_) return;
  raised_ = true;
  place_.wake();
}

void Signal::on_deadline() noexcept {
  late_ = true;
  place_.wake();
}

Task<bool> Signal::wait(Deadline deadline) {
  late_ = false;
  if (!raised_) loop_.wheel().arm(*this, deadline);
  while (!raised_ && !late_)
    co_await place_.suspend();
  disarm();
  co_return std::exchange(raised_, false);
}

}  // namespace countersign::net
