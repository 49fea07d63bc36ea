// HMAC-SHA-256 (RFC 2104, FIPS 198-1): says that whoever made it held the key.
#pragma once

#include "crypto/digest.h"

namespace countersign::crypto {

/// `key` is borrowed; 32 bytes of randomness or more.
Digest256 hmac_sha256(base::BytesView key, base::BytesView data);

}  // namespace countersign::crypto
