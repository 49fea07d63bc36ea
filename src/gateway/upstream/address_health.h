// AddressHealth: is one address of an upstream worth asking? Two opinions, kept apart:
//
// - what its health checks say: down after so many failed ones in a row, up again after so many good ones;
// - what its answers say: ejected for a while after so many failures in a row, longer each time it happens again.
// Shared by all workers, without locks: reading it costs two relaxed loads.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

#include "base/time.h"

namespace countersign::gateway {

class AddressHealth {
 public:
  using Time = std::chrono::steady_clock::time_point;
  struct Ejection {
    std::uint32_t failures = 5;                             ///< in a row; 0: nobody is ever ejected
    base::Duration time = std::chrono::seconds(30);         ///< the first time; twice that the second time, and so on
    base::Duration longest_time = std::chrono::minutes(5);  ///< also: after so long without one all is forgotten
    friend bool operator==(const Ejection&, const Ejection&) = default;
  };
  struct Check {
    std::uint32_t rise = 2;
    std::uint32_t fall = 3;
    friend bool operator==(const Check&, const Check&) = default;
  };

  /// A request was answered, or refused by the upstream on its own account. Thread-safe.
  void note_success() {
    if (failures_.load(std::memory_order_relaxed) != 0) failures_.store(0, std::memory_order_relaxed);
  }
  /// It could not be reached, broke off, was late, or said 502, 503 or 504. For how long it is ejected now, where this
  /// failure was the one too many. Thread-safe.
  std::optional<base::Duration> note_failure(const Ejection& rules, Time now);
  bool is_ejected(Time now) const { return ticks(now) < ejected_until_.load(std::memory_order_relaxed); }

  enum class Passed { no, yes };
  enum class Turn { none, up, down };
  /// One health check came to its end. Called by one thread.
  Turn note_check(Passed passed, const Check& rules);
  bool is_down() const { return down_.load(std::memory_order_relaxed); }

 private:
  static std::int64_t ticks(Time at) {
    return std::chrono::duration_cast<std::chrono::microseconds>(at.time_since_epoch()).count();
  }
  std::atomic<std::uint32_t> failures_{0};
  std::atomic<std::uint32_t> ejections_{0};
  std::atomic<std::int64_t> ejected_until_{INT64_MIN};
  std::atomic<bool> down_{false};
  std::uint32_t against_ = 0;  ///< checks in a row that speak against what down_ says
};

}  // namespace countersign::gateway
