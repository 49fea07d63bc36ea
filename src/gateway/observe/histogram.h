// Histogram: how long things took, in the Prometheus text format. Thread-safe; observing is one relaxed addition to a
// bucket and one to the sum.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/metric_text.h"
#include "base/time.h"

namespace countersign::gateway {

class Histogram {
 public:
  /// Upper bounds in microseconds; what is longer goes into a last bucket without bound.
  static constexpr std::array<std::int64_t, 14> kBounds = {500,       1'000,     2'500,      5'000,     10'000,
                                                           25'000,    50'000,    100'000,    250'000,   500'000,
                                                           1'000'000, 2'500'000, 10'000'000, 60'000'000};
  void observe(base::Duration took) {
    std::size_t at = 0;
    while (at < kBounds.size() && took.count() > kBounds[at])
      ++at;
    buckets_[at].fetch_add(1, std::memory_order_relaxed);
    sum_.fetch_add(static_cast<std::uint64_t>(took.count() < 0 ? 0 : took.count()), std::memory_order_relaxed);
  }
  std::uint64_t count() const;
  /// The lines NAME_bucket, NAME_sum and NAME_count, in seconds; `labels` without braces, may be empty.
  std::string to_text(std::string_view name, std::string_view labels) const;

 private:
  std::array<std::atomic<std::uint64_t>, kBounds.size() + 1> buckets_{};
  std::atomic<std::uint64_t> sum_{0};  ///< microseconds
};

/// The gateway's metrics.
inline constexpr base::MetricText kMetrics{"countersign_gateway_"};

}  // namespace countersign::gateway
