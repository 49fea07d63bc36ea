#include "crypto/random.h"

#include <algorithm>

#include <openssl/rand.h>

#include "crypto/openssl_error.h"

namespace countersign::crypto {

base::Result<void> SystemRandom::fill(std::span<std::uint8_t> out) {
  constexpr std::size_t kChunk = 1U << 20U;
  while (!out.empty()) {
    const std::size_t count = std::min(out.size(), kChunk);
    if (RAND_bytes(out.data(), static_cast<int>(count)) != 1)
      return base::unexpected(
          openssl_error(base::Kind::unavailable, "random.unavailable", "the random generator is not seeded"));
    out = out.subspan(count);
  }
  return {};
}

}  // namespace countersign::crypto
