// RetryBudget: how many requests may be sent a second time. Each request pays in a part of a retry, so that retries
// stay a small share of the traffic when an upstream is in trouble, instead of doubling it.
//
// A small reserve comes back with time, so that a quiet upstream has retries, too. Belongs to one worker's thread.
#pragma once

#include <algorithm>
#include <chrono>

namespace countersign::gateway {

class RetryBudget {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr double kReservePerSecond = 1;
  static constexpr double kMost = 100;  ///< saved up at most

  /// `ratio`: retries for each request, 0 to 1; 0 means none at all, no reserve either.
  RetryBudget(double ratio, Time now) : ratio_(ratio), saved_(ratio > 0 ? kReserve : 0), filled_(now) {}

  void note_request() { saved_ = std::min(kMost, saved_ + ratio_); }
  /// True when a request may be sent again at `now`; then it is paid for.
  bool spend(Time now) {
    if (ratio_ <= 0) return false;
    const double elapsed = std::chrono::duration<double>(now - filled_).count();
    filled_ = now;
    if (saved_ < kReserve) saved_ = std::min(kReserve, saved_ + elapsed * kReservePerSecond);
    if (saved_ < 1) return false;
    saved_ -= 1;
    return true;
  }

 private:
  static constexpr double kReserve = 10;
  double ratio_;
  double saved_;
  Time filled_;
};

}  // namespace countersign::gateway
