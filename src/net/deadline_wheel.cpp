#include "net/deadline_wheel.h"

#include <algorithm>

namespace countersign::net {
namespace {

constexpr std::chrono::steady_clock::duration kTickLength = DeadlineWheel::kTick;

}  // namespace

void DeadlineWheel::Entry::disarm() noexcept {
  if (wheel_ == nullptr) return;
  unlink();
  --wheel_->armed_;
  wheel_ = nullptr;
}

DeadlineWheel::DeadlineWheel(Executor executor) : timer_(executor), origin_(std::chrono::steady_clock::now()) {}

DeadlineWheel::~DeadlineWheel() { close(); }

void DeadlineWheel::close() noexcept {
  timer_.reset();
  for (Link& slot : slots_)
    while (slot.next != &slot)
      static_cast<Entry*>(slot.next)->disarm();
}

std::uint64_t DeadlineWheel::tick_of_now() const {
  return static_cast<std::uint64_t>((std::chrono::steady_clock::now() - origin_) / kTickLength);
}

void DeadlineWheel::arm(Entry& entry, Deadline deadline) {
  entry.disarm();
  if (!timer_) return;
  if (!ticking_) {
    current_ = tick_of_now();  // nothing was armed, so nothing is skipped
    schedule();
  }
  const auto from_origin = std::max(deadline.at - origin_, std::chrono::steady_clock::duration::zero());
  const auto tick =
      static_cast<std::uint64_t>(from_origin / kTickLength) + (from_origin % kTickLength != from_origin.zero());
  entry.tick_ = std::max(tick, current_ + 1);
  entry.wheel_ = this;
  entry.insert_before(slots_[entry.tick_ % kSlots]);
  ++armed_;
}

void DeadlineWheel::schedule() {
  ticking_ = true;
  timer_->expires_at(origin_ + kTickLength * static_cast<std::int64_t>(current_ + 1));
  timer_->async_wait([this](const boost::system::error_code& error) {
    if (!error) on_tick();  // otherwise the wheel is gone
  });
}

void DeadlineWheel::on_tick() {
  const std::uint64_t first = current_ + 1;
  current_ = std::max(tick_of_now(), first);
  const std::uint64_t last = std::min(current_, first + kSlots - 1);
  for (std::uint64_t tick = first; tick <= last; ++tick)
    expire(slots_[tick % kSlots]);
  ticking_ = false;
  if (armed_ > 0) schedule();
}

void DeadlineWheel::expire(Link& slot) {
  if (slot.next == &slot) return;
  Link due;  // taken aside, for on_deadline() may link into the slot again
  due.insert_before(slot);
  slot.unlink();
  while (due.next != &due) {
    auto& entry = *static_cast<Entry*>(due.next);
    entry.unlink();
    if (entry.tick_ > current_) {
      entry.insert_before(slot);  // due in a later round
      continue;
    }
    --armed_;
    entry.wheel_ = nullptr;
    entry.on_deadline();
  }
}

}  // namespace countersign::net
