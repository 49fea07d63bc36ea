// Dice: cheap pseudo-random numbers for spreading load and times, seeded by whoever makes one. Never for secrets.
#pragma once

#include <cstdint>

#include "base/time.h"
#include "crypto/random.h"

namespace countersign::gateway {

/// xorshift64* (Marsaglia 2003, Vigna 2016). Belongs to one thread.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed == 0 ? kNotZero : seed) {}
  /// Fails: as `random`.
  static base::Result<Dice> make(crypto::Random& random);
  std::uint64_t next() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545F4914F6CDD1DULL;
  }
  /// 0 to `below` - 1; `below` is at least 1.
  std::size_t roll(std::size_t below) { return static_cast<std::size_t>((next() >> 32) % below); }
  /// `around` more or less a tenth, so that those who began together do not go on together.
  base::Duration jittered(base::Duration around) {
    const std::int64_t width = around.count() / 5;
    if (width < 1) return around;
    return around - base::Duration(width / 2) +
           base::Duration(static_cast<std::int64_t>(roll(static_cast<std::size_t>(width))));
  }

 private:
  static constexpr std::uint64_t kNotZero = 0x9E3779B97F4A7C15ULL;
  std::uint64_t state_;
};

}  // namespace countersign::gateway
