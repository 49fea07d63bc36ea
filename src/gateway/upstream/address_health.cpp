#include "gateway/upstream/address_health.h"

#include <algorithm>

namespace countersign::gateway {

std::optional<base::Duration> AddressHealth::note_failure(const Ejection& rules, Time now) {
  std::int64_t until = ejected_until_.load(std::memory_order_relaxed);
  // What was under way when it was ejected fails late: that says nothing new.
  if (rules.failures == 0 || ticks(now) < until) return std::nullopt;
  if (failures_.fetch_add(1, std::memory_order_relaxed) + 1 < rules.failures) return std::nullopt;
  const bool forgotten = until == INT64_MIN || ticks(now) - until >= rules.longest_time.count();
  const std::int64_t times = forgotten ? 1 : std::int64_t{ejections_.load(std::memory_order_relaxed)} + 1;
  const base::Duration time = std::min(rules.longest_time, rules.time * times);
  // Of several workers that come to this at once, one ejects.
  if (!ejected_until_.compare_exchange_strong(until, ticks(now) + time.count(), std::memory_order_relaxed))
    return std::nullopt;
  ejections_.store(static_cast<std::uint32_t>(std::min<std::int64_t>(times, UINT32_MAX)), std::memory_order_relaxed);
  failures_.store(0, std::memory_order_relaxed);
  return time;
}

AddressHealth::Turn AddressHealth::note_check(Passed passed, const Check& rules) {
  const bool down = is_down();
  const bool speaks_against = (passed == Passed::yes) == down;
  against_ = speaks_against ? against_ + 1 : 0;
  if (against_ < (down ? rules.rise : rules.fall)) return Turn::none;
  against_ = 0;
  down_.store(!down, std::memory_order_relaxed);
  return down ? Turn::up : Turn::down;
}

}  // namespace countersign::gateway
