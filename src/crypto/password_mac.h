// PasswordBasedMac (RFC 4211 section 4.4, RFC 9481 section 6.1.1): an HMAC under a key that is made from a secret by
// hashing it again and again. As strong as the secret, so ours are 32 random bytes.
#pragma once

#include "base/bytes.h"

namespace countersign::crypto {

/// How one is made. HMAC with SHA-1 is still sound, and what older peers send; nothing else is done with SHA-1.
struct PasswordMac {
  enum class Hash { sha1, sha256, sha384, sha512 };
  Hash one_way;
  Hash hmac;
  std::uint32_t iterations;  ///< at least 1; what it costs to check one
  base::Bytes salt;
};

base::Bytes password_mac(const PasswordMac& how, base::BytesView secret, base::BytesView data);

}  // namespace countersign::crypto
