// WatchedDescriptor: a descriptor that the loop's epoll watches, edge by edge, from its first moment to its last.
// Private to net.
//
// Asio's own descriptors ask the kernel with epoll_ctl(2) in each wait whether it was ready already. Who has just
// looked and found nothing, not even the end, knows that it was not; and what came since then, the reactor knows. So
// this speaks to Asio's reactor itself, one layer below (a part of Asio that it does not document; its two forms are
// here and nowhere else). Belongs to its loop's thread.
#pragma once

#include <memory>
#include <utility>

#include <boost/asio/async_result.hpp>
#include <boost/asio/detail/handler_work.hpp>
#include <boost/asio/detail/reactor.hpp>
#include <boost/asio/detail/reactor_op.hpp>
#include <boost/asio/version.hpp>
#include <unistd.h>

#include "net/task.h"

namespace countersign::net {

using Reactor = boost::asio::detail::reactor;

/// What waits for one edge. Whatever the kernel said is used up by it: the next one waits for more.
template <class Handler>
class Readiness final : public boost::asio::detail::reactor_op {
 public:
  BOOST_ASIO_DEFINE_HANDLER_PTR(Readiness);

  Readiness(Handler& handler, const Executor& executor)
      : reactor_op(boost::system::error_code(), &perform_now, &complete_it),
        handler_(std::move(handler)),
        work_(handler_, executor) {}

 private:
  static status perform_now(reactor_op*) { return done_and_exhausted; }
  /// As Asio's own operations do it: what the handler needs is taken out first, so that its memory can serve the next.
  static void complete_it(void* owner, boost::asio::detail::operation* base, const boost::system::error_code&,
                          std::size_t) {
    auto* const self = static_cast<Readiness*>(base);
    ptr memory = {std::addressof(self->handler_), self, self};
    boost::asio::detail::handler_work<Handler, Executor> work(std::move(self->work_));
    boost::asio::detail::binder1<Handler, boost::system::error_code> handler(self->handler_, self->ec_);
    memory.h = std::addressof(handler.handler_);
    memory.reset();
    if (owner != nullptr) work.complete(handler, handler.handler_);
  }

  Handler handler_;
  boost::asio::detail::handler_work<Handler, Executor> work_;
};

class WatchedDescriptor {
 public:
  enum class Direction { read, write };
  /// What the caller knows: nothing, or that there was nothing to be read when it looked, and that it has not waited
  /// since. A read that got less than it asked for does not say so: see Socket::Impl::seen_empty.
  enum class Known { nothing, drained };

  explicit WatchedDescriptor(Executor executor)
      : executor_(executor), reactor_(boost::asio::use_service<Reactor>(executor.context())) {
    reactor_.init_task();
  }
  ~WatchedDescriptor() { close(); }
  WatchedDescriptor(const WatchedDescriptor&) = delete;

  /// Owns `descriptor` from now on. An errno, and then it does not; 0 when it is watched.
  int assign(int descriptor) {
    const int failure = reactor_.register_descriptor(descriptor, data_);
    if (failure == 0) descriptor_ = descriptor;
    else reactor_.cleanup_descriptor_data(data_);
    return failure;
  }
  /// Not watched any more, and the caller's.
  int release() {
    if (descriptor_ < 0) return -1;
    reactor_.deregister_descriptor(descriptor_, data_, false);
    reactor_.cleanup_descriptor_data(data_);
    return std::exchange(descriptor_, -1);
  }
  /// Whoever waits fails with operation_aborted, here and in cancel().
  void close() {
    if (descriptor_ < 0) return;
    reactor_.deregister_descriptor(descriptor_, data_, false);
    ::close(std::exchange(descriptor_, -1));
    reactor_.cleanup_descriptor_data(data_);
  }
  void cancel() { reactor_.cancel_ops(descriptor_, data_); }
  int native_handle() const { return descriptor_; }

  /// Until it is ready; may be early.
  template <class Token>
  auto async_wait(Direction direction, Known known, Token&& token) {
    return boost::asio::async_initiate<Token, void(boost::system::error_code)>(
        [this](auto&& handler, Direction of, Known knowing) { begin(std::move(handler), of, knowing); }, token,
        direction, known);
  }

 private:
  template <class Handler>
  void begin(Handler handler, Direction direction, Known known) {
    using Operation = Readiness<Handler>;
    typename Operation::ptr memory = {std::addressof(handler), Operation::ptr::allocate(handler), nullptr};
    memory.p = new (memory.v) Operation(handler, executor_);
    const int what = direction == Direction::read ? Reactor::read_op : Reactor::write_op;
    const bool as_the_reactor_knows = known == Known::drained;
#if BOOST_ASIO_VERSION >= 102800
    reactor_.start_op(what, descriptor_, data_, memory.p, false, &Reactor::call_post_immediate_completion, &reactor_,
                      as_the_reactor_knows);
#else
    reactor_.start_op(what, descriptor_, data_, memory.p, false, as_the_reactor_knows);
#endif
    memory.v = memory.p = nullptr;
  }

  Executor executor_;
  Reactor& reactor_;
  Reactor::per_descriptor_data data_ = nullptr;
  int descriptor_ = -1;
};

}  // namespace countersign::net
