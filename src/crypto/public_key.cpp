#include "crypto/public_key.h"

#include <array>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/check.h"
#include "crypto/algorithm.h"
#include "crypto/openssl_error.h"
#include "crypto/pem.h"

namespace countersign::crypto {
namespace {

KeyType type_of_curve(const EVP_PKEY* key) {
  std::array<char, 64> group{};
  std::size_t length = 0;
  const bool named =
      EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group.data(), group.size(), &length) == 1;
  if (!named) drop_openssl_errors();
  const std::string_view curve(group.data(), named ? length : 0);
  if (curve == "prime256v1" || curve == "P-256") return KeyType::ec_p256;
  if (curve == "secp384r1" || curve == "P-384") return KeyType::ec_p384;
  return KeyType::other;
}

}  // namespace

std::string_view name(KeyType type) {
  switch (type) {
    case KeyType::rsa: return "RSA";
    case KeyType::ec_p256: return "P-256";
    case KeyType::ec_p384: return "P-384";
    case KeyType::ed25519: return "Ed25519";
    case KeyType::other: return "other";
  }
  BASE_UNREACHABLE();
}

const EVP_MD* signing_digest(KeyType type) {
  switch (type) {
    case KeyType::rsa:
    case KeyType::ec_p256: return EVP_sha256();
    case KeyType::ec_p384: return EVP_sha384();
    case KeyType::ed25519:
    case KeyType::other: return nullptr;
  }
  BASE_UNREACHABLE();
}

base::Result<PublicKey> PublicKey::from_spki(base::BytesView der) {
  const std::uint8_t* at = der.data();
  std::shared_ptr<EVP_PKEY> key(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())), EVP_PKEY_free);
  if (key == nullptr)
    return base::unexpected(openssl_error(base::Kind::invalid, "key.malformed", "this is no public key"));
  drop_openssl_errors();
  if (at != der.data() + der.size())
    return base::fail(base::Kind::invalid, "key.malformed", "there are bytes behind the public key");
  return PublicKey(std::move(key));
}

PublicKey PublicKey::from_native(EVP_PKEY* key) {
  if (key == nullptr) return PublicKey(nullptr);
  BASE_CHECK(EVP_PKEY_up_ref(key) == 1);
  return PublicKey(std::shared_ptr<EVP_PKEY>(key, EVP_PKEY_free));
}

KeyType PublicKey::type() const {
  if (key_ == nullptr) return KeyType::other;
  if (EVP_PKEY_is_a(key_.get(), "RSA") == 1) return KeyType::rsa;
  if (EVP_PKEY_is_a(key_.get(), "ED25519") == 1) return KeyType::ed25519;
  if (EVP_PKEY_is_a(key_.get(), "EC") == 1) return type_of_curve(key_.get());
  return KeyType::other;
}

int PublicKey::bits() const { return key_ == nullptr ? 0 : EVP_PKEY_get_bits(key_.get()); }

std::uint64_t PublicKey::rsa_exponent() const {
  if (type() != KeyType::rsa) return 0;
  BIGNUM* raw = nullptr;
  const bool found = EVP_PKEY_get_bn_param(key_.get(), OSSL_PKEY_PARAM_RSA_E, &raw) == 1;
  const Handle<BIGNUM, BN_free> exponent(raw);
  if (!found || BN_num_bits(exponent.get()) > 64) return 0;
  std::array<std::uint8_t, 8> bytes{};
  BN_bn2binpad(exponent.get(), bytes.data(), static_cast<int>(bytes.size()));
  std::uint64_t value = 0;
  for (const std::uint8_t byte : bytes)
    value = (value << 8) | byte;
  return value;
}

base::Bytes PublicKey::to_spki() const {
  if (key_ == nullptr) return {};
  std::uint8_t* raw = nullptr;
  const int length = i2d_PUBKEY(key_.get(), &raw);
  const Handle<std::uint8_t, free_openssl_bytes> owner(raw);
  if (length <= 0) drop_openssl_errors();
  return length <= 0 ? base::Bytes{} : base::Bytes(raw, raw + length);
}

Digest256 PublicKey::spki_sha256() const { return sha256(to_spki()); }

std::string PublicKey::to_pem() const { return crypto::to_pem("PUBLIC KEY", to_spki()); }

bool PublicKey::verify(base::BytesView message, base::BytesView signature) const {
  const KeyType kind = type();
  if (kind == KeyType::other) return false;
  const Handle<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
  const bool good =
      context != nullptr &&
      EVP_DigestVerifyInit(context.get(), nullptr, signing_digest(kind), nullptr, key_.get()) == 1 &&
      EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(), message.size()) == 1;
  if (!good) drop_openssl_errors();
  return good;
}

}  // namespace countersign::crypto
