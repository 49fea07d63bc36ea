#include "authority/secrets/sealed_secret.h"

#include <cstring>

#include "base/files.h"
#include "crypto/digest.h"

namespace countersign::authority {

base::Result<crypto::PrivateKey> open_sealed_key(const std::filesystem::path& file, const base::Secret& passphrase) {
  if (!std::filesystem::exists(file)) {
    BASE_TRY(const auto made, crypto::PrivateKey::generate(crypto::PrivateKey::Kind::ed25519));
    BASE_TRY(const std::string pem, made.to_encrypted_pem(passphrase));
    BASE_TRY_VOID(base::create_file(file, pem, base::FileMode::owner_only));
  }
  BASE_TRY(const std::string pem, base::read_file(file));
  auto key = crypto::PrivateKey::from_pem(pem, passphrase);
  if (!key)
    return base::unexpected(std::move(key).error().under(
        "keys.passphrase", "cannot open '" + file.string() + "': is this the passphrase that it was made with?"));
  return key;
}

base::Result<base::Secret> derive_secret(const crypto::PrivateKey& key, std::string_view domain) {
  // Ed25519 signatures are the same every time (RFC 8032 section 5.1.6), and this one is never shown to anybody.
  BASE_TRY(base::Bytes signature, key.sign(base::as_bytes(domain)));
  const crypto::Digest256 digest = crypto::sha256(signature);
  explicit_bzero(signature.data(), signature.size());
  return base::Secret(base::Bytes(digest.begin(), digest.end()));
}

}  // namespace countersign::authority
