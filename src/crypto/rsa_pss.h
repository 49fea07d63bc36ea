// RSASSA-PSS (RFC 8017 section 8.1) as JOSE and HTTP message signatures use it: MGF1 with the same digest, and a salt
// as long as the digest.
#pragma once

#include "crypto/private_key.h"

namespace countersign::crypto {

enum class PssDigest { sha256, sha512 };

/// `key` is RSA. Fails: `key.signing`.
base::Result<base::Bytes> sign_pss(const PrivateKey& key, PssDigest digest, base::BytesView message);
/// False also for a key that is not RSA, and for a salt of another length.
bool verify_pss(const PublicKey& key, PssDigest digest, base::BytesView message, base::BytesView signature);

}  // namespace countersign::crypto
