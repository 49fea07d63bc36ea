// SeededRandom: the same bytes in every run (splitmix64), so that a failure can be made again. Never for real keys.
#pragma once

#include "crypto/random.h"

namespace countersign::testing {

class SeededRandom final : public crypto::Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}

  base::Result<void> fill(std::span<std::uint8_t> out) override {
    for (std::uint8_t& byte : out)
      byte = static_cast<std::uint8_t>(next() >> 56U);
    return {};
  }

 private:
  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15U;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31U);
  }
  std::uint64_t state_;
};

/// Has no randomness to give.
class BrokenRandom final : public crypto::Random {
 public:
  base::Result<void> fill(std::span<std::uint8_t>) override {
    return base::fail(base::Kind::unavailable, "random.unavailable", "broken for a test");
  }
};

}  // namespace countersign::testing
