#include "net/signal.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace countersign::net {

Signal::Signal(Loop& loop) : loop_(loop), timer_(loop.executor(), std::chrono::steady_clock::time_point::max()) {}

void Signal::raise() {
  if (raised_) return;
  raised_ = true;
  timer_.cancel();
}

void Signal::on_deadline() noexcept {
  late_ = true;
  timer_.cancel();
}

Task<bool> Signal::wait(Deadline deadline) {
  late_ = false;
  if (!raised_) loop_.wheel().arm(*this, deadline);
  while (!raised_ && !late_)
    co_await timer_.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable_t<Executor>()));
  disarm();
  co_return std::exchange(raised_, false);
}

}  // namespace countersign::net
