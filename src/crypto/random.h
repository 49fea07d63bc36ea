// Where randomness comes from: an argument, like time.
#pragma once

#include <cstdint>
#include <span>

#include "base/bytes.h"

namespace countersign::crypto {

class Random {
 public:
  virtual ~Random() = default;
  /// Fills all of `out`. Fails: `random.unavailable`; `out` is then not to be used.
  virtual base::Result<void> fill(std::span<std::uint8_t> out) = 0;
};

/// libcrypto's seeded generator (RAND_bytes). Thread-safe.
class SystemRandom final : public Random {
 public:
  base::Result<void> fill(std::span<std::uint8_t> out) override;
};

}  // namespace countersign::crypto
