#include "net/reload_signal.h"

#include <csignal>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace countersign::net {

ReloadSignal::ReloadSignal(Loop& loop, Asks what)
    : signals_(loop.executor(), what == Asks::reload ? SIGHUP : SIGUSR2) {}

Task<bool> ReloadSignal::next() {
  const auto [error, number] =
      co_await signals_.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable_t<Executor>()));
  co_return !error;
}

}  // namespace countersign::net
