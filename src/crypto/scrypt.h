// scrypt (RFC 7914): a digest of a secret that is dear to reckon, in time and memory, for whoever guesses.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/secret.h"

namespace countersign::crypto {

/// 128 * n * r bytes of memory. The defaults take some 50 ms and 16 MiB.
struct ScryptCost {
  std::uint64_t n = 1U << 14U;  ///< a power of two
  std::uint64_t r = 8;
  std::uint64_t p = 1;
};
/// More memory is not taken for one digest.
inline constexpr std::uint64_t kScryptMemory = std::uint64_t{64} * 1024 * 1024;

/// 32 bytes. Fails: `scrypt.cost` on a cost that is none or beyond kScryptMemory.
base::Result<base::Bytes> scrypt(const base::Secret& secret, base::BytesView salt, const ScryptCost& cost);

}  // namespace countersign::crypto
