#include "net/loop.h"

#include <csignal>

#include <boost/asio/post.hpp>

#include "net/deadline_wheel.h"
#include "net/readiness.h"
#include "net/resolver.h"
#include "net/turns.h"
#include "net/waiters.h"

namespace countersign::net {
namespace {

/// SSL_write cannot be told MSG_NOSIGNAL: a peer that went away must not end the process.
void ignore_broken_pipes() {
  struct sigaction action = {};
  if (sigaction(SIGPIPE, nullptr, &action) != 0 || action.sa_handler != SIG_DFL) return;
  action.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &action, nullptr);
}

/// Sockets and timers are used by the loop's thread only, and need no locks; post() and stop() from others stay safe.
constexpr int kOneThread = BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO;

}  // namespace

Loop::Loop()
    : io_(kOneThread),
      readiness_(boost::asio::use_service<Readiness>(io_)),  // made now, while there are descriptors
      waiters_(boost::asio::use_service<Waiters>(io_)),
      turns_(std::make_unique<Turns>(io_.get_executor())),
      resolver_(std::make_unique<Resolver>(*this, Resolver::Options{look_up})) {
  wheel_ = std::make_unique<DeadlineWheel>(io_.get_executor());
  ignore_broken_pipes();
}

// The wheel disarms its entries and takes no more; the resolver goes and leaves its threads alone; then io_ destroys
// the frames, which at their end may disarm or arm what they hold.
Loop::~Loop() { wheel_->close(); }

std::chrono::steady_clock::time_point Loop::turn_time() const { return readiness_.turn_time(); }

void Loop::run() {
  io_.run();
  io_.restart();
}

void Loop::stop() { io_.stop(); }

void Loop::post(std::function<void()> work) { boost::asio::post(io_, std::move(work)); }

}  // namespace countersign::net
