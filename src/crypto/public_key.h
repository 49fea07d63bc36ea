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
  /// Is it the one DER form of a P-256 key that names its curve and is not compressed (RFC 5480 section 2)?
  static bool is_plain_p256(base::BytesView spki);
  /// Takes a new reference on `key`.
  static PublicKey from_native(EVP_PKEY* key);
  /// The same, read out of the encoding `spki`, which saves libcrypto writing it again.
  static PublicKey from_native(EVP_PKEY* key, base::BytesView spki);

  KeyType type() const;
  /// The modulus or the order of the curve, in bits.
  int bits() const;
  /// 65537 for nearly every RSA key; 0 when the key is not RSA or the exponent has more than 64 bits.
  std::uint64_t rsa_exponent() const;
  const base::Bytes& to_spki() const;
  /// SHA-256 of to_spki(): how the registry recognises a key.
  Digest256 spki_sha256() const;
  std::string to_pem() const;

  /// Checks a signature made by PrivateKey::sign over the same bytes.
  bool verify(base::BytesView message, base::BytesView signature) const;

  /// Null where there is no key that libcrypto could read.
  EVP_PKEY* native() const;

 private:
  /// With what was worked out of it once: libcrypto takes longer to write a key than to sign with it.
  struct Held;
  explicit PublicKey(std::shared_ptr<const Held> held) : held_(std::move(held)) {}
  std::shared_ptr<const Held> held_;
};

}  // namespace countersign::crypto
