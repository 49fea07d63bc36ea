// Jwk: a public key as JSON (RFC 7517): EC on P-256 and P-384, RSA up to 4096 bits, and Ed25519 (RFC
// 8037). Immutable, cheap to copy.
#pragma once

#include <string>

#include "base/json.h"
#include "crypto/public_key.h"
#include "jose/algorithm.h"

namespace countersign::jose {

class Jwk {
 public:
  /// A key that passed crypto::check_strength. `alg` and `use`, where they stand, must be those of a key that signs;
  /// members that say nothing about the key (kid, x5c ...) do not count. Fails: `jwk.malformed`, `jwk.unsupported`,
  /// `jwk.private` (a private member was sent: the key is no secret any more), `key.malformed`, `key.weak`.
  static base::Result<Jwk> parse(const base::json::value& json);
  /// Fails: `jwk.unsupported`, `key.weak`.
  static base::Result<Jwk> from(const crypto::PublicKey& key);

  const crypto::PublicKey& key() const { return key_; }
  Algorithm algorithm() const { return algorithm_; }
  /// The required members alone, in the order of RFC 7638 section 3.
  const base::json::object& to_json() const { return members_; }
  /// SHA-256 of those members in base64url (RFC 7638): names the key, however it was spelt.
  std::string thumbprint() const;

 private:
  Jwk(crypto::PublicKey key, Algorithm algorithm, base::json::object members)
      : key_(std::move(key)), algorithm_(algorithm), members_(std::move(members)) {}
  crypto::PublicKey key_;
  Algorithm algorithm_;
  base::json::object members_;
};

}  // namespace countersign::jose
