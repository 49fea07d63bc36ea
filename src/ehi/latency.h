// Latency: how long calls took during the last one to two minutes, by percentiles.
//
// Buckets eight to a doubling, so that a percentile is at most 9 % too high. Belongs to one thread; time is an
// argument.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.h"

namespace countersign::ehi {

class Latency {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::seconds kWindow{60};

  void observe(base::Duration took, Time now);
  /// The upper bound of what `part` (0 to 1) of the calls took; zero when there were none.
  base::Duration quantile(double part, Time now);
  /// The lines of a Prometheus summary, in seconds; _sum and _count are of all time.
  std::string to_text(std::string_view name, std::string_view labels, Time now);

 private:
  static constexpr std::size_t kBuckets = 8 * 28;  // up to four minutes
  using Counts = std::array<std::uint32_t, kBuckets>;
  static std::size_t bucket_of(base::Duration took);
  void turn(Time now);

  Counts current_{};
  Counts previous_{};
  Time begun_{};
  std::uint64_t count_ = 0;
  std::uint64_t micros_ = 0;
};

}  // namespace countersign::ehi
