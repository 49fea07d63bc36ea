#include "gateway/upstream/breaker.h"

namespace countersign::gateway {

/// One who waits, for as long as its frame lives.
class Breaker::Place {
 public:
  Place(std::shared_ptr<Breaker> breaker, net::Wakeup& wakeup) : breaker_(std::move(breaker)), wakeup_(wakeup) {
    breaker_->waiting_.push_back(&wakeup);
  }
  ~Place() {
    const bool still_waits = std::erase(breaker_->waiting_, &wakeup_) > 0;
    if (!still_waits) --breaker_->woken_;
  }
  Place(const Place&) = delete;

 private:
  std::shared_ptr<Breaker> breaker_;
  net::Wakeup& wakeup_;
};

Breaker::Seat Breaker::take_request() {
  if (requests_ >= limits_.requests) return {};
  return {shared_from_this(), requests_};
}

Breaker::Seat Breaker::take_connection() {
  if (connections_ + woken_ >= limits_.connections) return {};
  return {shared_from_this(), connections_};
}

net::Task<bool> Breaker::wait(net::Loop& loop, net::Deadline deadline) {
  const std::shared_ptr<Breaker> self = shared_from_this();
  if (pending() >= limits_.pending) co_return false;
  net::Wakeup wakeup(loop.executor());
  const Place place(self, wakeup);
  co_return co_await wakeup.wait(deadline);
}

void Breaker::offer() {
  if (waiting_.empty()) return;
  net::Wakeup* const first = waiting_.front();
  waiting_.pop_front();
  ++woken_;
  first->wake();
}

Breaker::Seat& Breaker::Seat::operator=(Seat&& other) noexcept {
  if (this == &other) return *this;
  give_back();
  breaker_ = std::move(other.breaker_);
  count_ = other.count_;
  return *this;
}

void Breaker::Seat::give_back() {
  if (breaker_ == nullptr) return;
  const std::shared_ptr<Breaker> breaker = std::move(breaker_);
  breaker_ = nullptr;
  --*count_;
  if (count_ == &breaker->connections_) breaker->offer();
}

}  // namespace countersign::gateway
