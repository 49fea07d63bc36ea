#include "net/wakeup.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace countersign::net {

void Wakeup::wake() {
  woken_ = true;
  timer_.cancel();
}

Task<bool> Wakeup::wait(Deadline deadline) {
  while (!woken_ && !deadline.passed()) {
    timer_.expires_at(deadline.at);
    co_await timer_.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable_t<Executor>()));
  }
  co_return woken_;
}

}  // namespace countersign::net
