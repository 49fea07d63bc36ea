#include "policy/meter.h"

#include <algorithm>

namespace countersign::policy {
namespace {

constexpr double kNanos = 1e9;
/// No debt is longer: beyond it sums would lose their meaning.
constexpr double kLongestDebt = 1e9 * 3600 * 24 * 365;
constexpr unsigned kDayShift = 48;
constexpr std::uint64_t kByteMask = (std::uint64_t{1} << kDayShift) - 1;

std::int64_t nanos_for(const Rate& rate, std::uint64_t count) {
  const double nanos = static_cast<double>(count) * kNanos / static_cast<double>(rate.per_second);
  return static_cast<std::int64_t>(std::min(nanos, kLongestDebt));
}

/// A whole bucket less one: with so much taken there is just one left.
std::int64_t tolerance(const Rate& rate) { return nanos_for(rate, rate.burst - 1); }

}  // namespace

std::optional<std::int64_t> RateMeter::spend(const Rate& rate, std::int64_t now) {
  const std::int64_t cost = std::max<std::int64_t>(nanos_for(rate, 1), 1);
  const std::int64_t latest = now + tolerance(rate);
  std::int64_t full_at = full_at_.load(std::memory_order_relaxed);
  for (;;) {
    const std::int64_t from = std::max(full_at, now);
    if (from > latest) return from - latest;
    if (full_at_.compare_exchange_weak(full_at, from + cost, std::memory_order_relaxed)) return std::nullopt;
  }
}

std::optional<std::int64_t> RateMeter::wait(const Rate& rate, std::int64_t now) const {
  const std::int64_t over = full_at_.load(std::memory_order_relaxed) - now - tolerance(rate);
  return over > 0 ? std::optional(over) : std::nullopt;
}

void RateMeter::charge(const Rate& rate, std::uint64_t count, std::int64_t now) {
  const std::int64_t cost = nanos_for(rate, count);
  std::int64_t full_at = full_at_.load(std::memory_order_relaxed);
  while (!full_at_.compare_exchange_weak(
      full_at, std::min(std::max(full_at, now) + cost, now + static_cast<std::int64_t>(kLongestDebt)),
      std::memory_order_relaxed)) {
  }
}

void RateMeter::give_back(const Rate& rate) {
  full_at_.fetch_sub(std::max<std::int64_t>(nanos_for(rate, 1), 1), std::memory_order_relaxed);
}

void DayMeter::charge(std::uint64_t bytes, std::int64_t day) {
  const std::uint64_t today = static_cast<std::uint64_t>(day) << kDayShift;
  std::uint64_t state = state_.load(std::memory_order_relaxed);
  for (;;) {
    if ((state & ~kByteMask) > today) return;  // of a request that began yesterday
    const std::uint64_t before = (state & ~kByteMask) == today ? state & kByteMask : 0;
    const std::uint64_t after = std::min(before + std::min(bytes, kByteMask), kByteMask);
    if (state_.compare_exchange_weak(state, today | after, std::memory_order_relaxed)) return;
  }
}

std::uint64_t DayMeter::used(std::int64_t day) const {
  const std::uint64_t state = state_.load(std::memory_order_relaxed);
  return (state >> kDayShift) == static_cast<std::uint64_t>(day) ? state & kByteMask : 0;
}

}  // namespace countersign::policy
