// Inside of crypto: what OpenSSL does not look at in an Ed25519 public key.
#pragma once

#include <span>

#include "base/bytes.h"

namespace countersign::crypto {

enum class EdwardsFault {
  none,
  not_a_point,  ///< does not decode (RFC 8032 section 5.1.3): not 32 bytes, y not below p, or no x for it
  low_order,    ///< of order 1, 2, 4 or 8: one signature may be good for every message
};

/// `key` is the 32 bytes of RFC 8032 section 5.1.2.
EdwardsFault find_edwards_fault(base::BytesView key);

}  // namespace countersign::crypto
