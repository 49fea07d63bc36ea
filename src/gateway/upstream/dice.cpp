#include "gateway/upstream/dice.h"

#include <array>

namespace countersign::gateway {

base::Result<Dice> Dice::make(crypto::Random& random) {
  std::array<std::uint8_t, 8> bytes;
  BASE_TRY_VOID(random.fill(bytes));
  std::uint64_t seed = 0;
  for (const std::uint8_t byte : bytes)
    seed = seed << 8 | byte;
  return Dice(seed);
}

}  // namespace countersign::gateway
