// PublicKey: a key somebody else holds the other half of. Immutable, cheap to copy, thread-safe.
#pragma once

#include <memory>
#include <string>

#include "base/bytes.h"
#include "crypto/digest.h"

typedef struct evp_pkey_st EVP_PKEY;

namespace countersign::crypto {

enum class KeyType { rsa, ec_p256, ec_p384, ed25519, other };
std::string_view name(KeyType type);

class PublicKey {
 public:
  /// A DER SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7). Fails: `key.malformed`.
  static base::Result<PublicKey> from_spki(base::BytesView der);
  /// Takes a new reference on `key`.
  static PublicKey from_native(EVP_PKEY* key);

  KeyType type() const;
  /// The modulus or the order of the curve, in bits.
  int bits() const;
  /// 65537 for nearly every RSA key; 0 when the key is not RSA or the exponent has more than 64 bits.
  std::uint64_t rsa_exponent() const;
  base::Bytes to_spki() const;
  /// SHA-256 of to_spki(): how the registry recognises a key.
  Digest256 spki_sha256() const;
  std::string to_pem() const;

  /// Checks a signature made by PrivateKey::sign over the same bytes.
  bool verify(base::BytesView message, base::BytesView signature) const;

  EVP_PKEY* native() const { return key_.get(); }

 private:
  explicit PublicKey(std::shared_ptr<EVP_PKEY> key) : key_(std::move(key)) {}
  std::shared_ptr<EVP_PKEY> key_;
};

}  // namespace countersign::crypto
