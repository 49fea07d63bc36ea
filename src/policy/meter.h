// Meters: what was used, counted without a lock by every worker at once. They know no limits: those are handed in, so
// that a reload changes them while what was used stays.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "policy/limits.h"

namespace countersign::policy {

/// The two clocks of a decision: one that never jumps, for rates, and the calendar, for days.
struct Now {
  std::int64_t steady_nanos;
  std::int64_t unix_seconds;
};

/// A token bucket as one number: the moment at which it is full again (the generic cell rate algorithm, ITU-T I.371).
/// Thread-safe.
class RateMeter {
 public:
  /// Takes one, if there is one. Otherwise nothing is taken: nanoseconds until there is.
  std::optional<std::int64_t> spend(const Rate& rate, std::int64_t now);
  /// Nanoseconds until there is at least one again; absent when there is.
  std::optional<std::int64_t> wait(const Rate& rate, std::int64_t now) const;
  /// Takes `count` whether they are there or not: what was used beyond has to pass before the next.
  void charge(const Rate& rate, std::uint64_t count, std::int64_t now);
  void give_back(const Rate& rate);
  bool is_full(std::int64_t now) const { return full_at_.load(std::memory_order_relaxed) <= now; }

 private:
  std::atomic<std::int64_t> full_at_{0};
};

/// Bytes of one day, UTC. Thread-safe.
class DayMeter {
 public:
  void charge(std::uint64_t bytes, std::int64_t day);
  std::uint64_t used(std::int64_t day) const;

 private:
  std::atomic<std::uint64_t> state_{0};  ///< the day in the upper 16 bits, bytes below
};

inline constexpr std::int64_t kSecondsOfDay = 86'400;

}  // namespace countersign::policy
