// PrivateKey: a key that signs. Move-only; leaves the process only encrypted or into a file of mode 0600.
#pragma once

#include <memory>

#include "base/secret.h"
#include "crypto/handle.h"
#include "crypto/public_key.h"

extern "C" void EVP_PKEY_free(EVP_PKEY*);

namespace countersign::crypto {

class PrivateKey {
 public:
  /// What can be made. RSA is 2048, 3072 or 4096 bits.
  enum class Kind { p256, p384, ed25519, rsa2048, rsa3072, rsa4096 };
  /// "p256", "p384", "ed25519", "rsa2048" ... Fails: `key.unknown_kind`.
  static base::Result<Kind> parse_kind(std::string_view text);

  /// Fails: `key.generation`.
  static base::Result<PrivateKey> generate(Kind kind);
  /// PKCS#8 or traditional PEM, encrypted or not (an unencrypted one ignores the passphrase).
  /// Fails: `key.malformed`, `key.passphrase`.
  static base::Result<PrivateKey> from_pem(std::string_view pem, const base::Secret& passphrase);

  PublicKey public_key() const;
  /// PKCS#8 under AES-256-CBC with a key from the passphrase by scrypt (RFC 7914: N 2^14, r 8, p 1, the most that every
  /// OpenSSL opens). Fails: `key.passphrase` when it is empty or longer than 1024 bytes, `key.encryption`.
  base::Result<std::string> to_encrypted_pem(const base::Secret& passphrase) const;
  /// PKCS#8 in the clear: only for a file of mode 0600.
  base::Result<base::Secret> to_pem() const;

  /// RSA PKCS#1 v1.5 and ECDSA with SHA-256 (P-384: SHA-384), Ed25519 (RFC 8032): the algorithms of our certificates.
  /// Fails: `key.signing`.
  base::Result<base::Bytes> sign(base::BytesView message) const;

  EVP_PKEY* native() const { return key_.get(); }

 private:
  explicit PrivateKey(Handle<EVP_PKEY, EVP_PKEY_free> key) : key_(std::move(key)) {}
  Handle<EVP_PKEY, EVP_PKEY_free> key_;
};

}  // namespace countersign::crypto
