// Instant and Clock: time is always an argument, so that every decision can be made again at another time.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace countersign::base {

using Duration = std::chrono::microseconds;

/// A point of UTC, in microseconds since 1970-01-01T00:00:00Z (no leap seconds, as in POSIX).
struct Instant {
  std::int64_t micros = 0;

  static constexpr Instant from_unix_seconds(std::int64_t seconds) { return {seconds * 1'000'000}; }
  constexpr std::int64_t unix_seconds() const {
    return micros >= 0 ? micros / 1'000'000 : (micros - 999'999) / 1'000'000;
  }

  friend constexpr auto operator<=>(Instant, Instant) = default;
  friend constexpr Instant operator+(Instant at, Duration by) { return {at.micros + by.count()}; }
  friend constexpr Instant operator-(Instant at, Duration by) { return {at.micros - by.count()}; }
  friend constexpr Duration operator-(Instant later, Instant earlier) {
    return Duration(later.micros - earlier.micros);
  }
};

/// RFC 3339 in UTC: to whole seconds "2026-11-23T14:45:00Z", or with three decimals for logs.
std::string to_rfc3339(Instant at);
std::string to_rfc3339_millis(Instant at);
/// "2026-11-23T14:45:00Z", with an optional fraction or offset. Fails: `time.invalid`.
Result<Instant> parse_rfc3339(std::string_view text);

/// Where "now" comes from. There is no default: whoever decides by time is handed a clock.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() const = 0;
};

/// The operating system's clock. Thread-safe.
class SystemClock final : public Clock {
 public:
  Instant now() const override;
};

}  // namespace countersign::base
