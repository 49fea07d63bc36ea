// Waiters: tasks of a loop that wait for one another, each kept where it waits, without a timer and without memory of
// its own. Signal is how others use it; private to net besides.
//
// A service of the loop's io_context, so that whoever still waits is destroyed with the loop; everything here belongs
// to the loop's thread.
#pragma once

#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>

#include "net/link.h"
#include "net/resumption.h"

namespace countersign::net {

class Waiters final : public boost::asio::execution_context::service {
 public:
  static boost::asio::execution_context::id id;
  explicit Waiters(boost::asio::io_context& io)
      : boost::asio::execution_context::service(io), executor_(io.get_executor()) {}

  /// Where one task waits at a time. When it dies, so does whoever waits there.
  class Place : private Link {
   public:
    explicit Place(Waiters& waiters) : waiters_(waiters) {}
    ~Place() { unlink(); }

    /// To be awaited: goes on after wake(), behind everything that is ready by then.
    auto suspend() {
      return boost::asio::async_initiate<const boost::asio::deferred_t, void()>(
          [this](auto handler) {
            task_.keep(std::move(handler));
            insert_before(waiters_.waiting_);
          },
          boost::asio::deferred);
    }
    /// Does nothing where nobody waits, or was woken already.
    void wake();

   private:
    friend class Waiters;
    Waiters& waiters_;
    Resumption task_;
    bool woken_ = false;
  };

  /// Whoever is woken from now on is kept for go_on(), which spares the executor the work.
  void collect() { collects_ = true; }
  /// Resumes them; and no more are kept.
  void go_on();

 private:
  void shutdown() override;
  Executor executor_;
  bool collects_ = false;
  Link waiting_;
  Link woken_;
};

}  // namespace countersign::net
