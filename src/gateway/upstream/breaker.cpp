#include "gateway/upstream/breaker.h"

#include <algorithm>

namespace countersign::gateway {

/// One who waits, for as long as its frame lives.
class Breaker::Place {
 public:
  Place(std::shared_ptr<Breaker> breaker, net::Signal& woken) : breaker_(std::move(breaker)), woken_(woken) {
    breaker_->waiting_.push_back(&woken);
  }
  ~Place() {
    if (std::erase(breaker_->waiting_, &woken_) == 0) --breaker_->woken_;
  }
  Place(const Place&) = delete;
  bool was_called() const { return std::ranges::find(breaker_->waiting_, &woken_) == breaker_->waiting_.end(); }

 private:
  std::shared_ptr<Breaker> breaker_;
  net::Signal& woken_;
};

Breaker::Seat Breaker::take_request() {
  if (requests_ >= limits_.requests) return {};
  return {shared_from_this(), requests_};
}

Breaker::Seat Breaker::take_connection() {
  if (connections_ + woken_ >= limits_.connections) return {};
  return {shared_from_this(), connections_};
}

net::Task<bool> Breaker::wait(net::Signal& woken, net::Deadline deadline) {
  const std::shared_ptr<Breaker> self = shared_from_this();
  if (pending() >= limits_.pending) co_return false;
  const Place place(self, woken);
  (void)co_await woken.wait(deadline);
  co_return place.was_called();
}

void Breaker::offer() {
  if (waiting_.empty()) return;
  net::Signal* const first = waiting_.front();
  waiting_.pop_front();
  ++woken_;
  first->raise();
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
