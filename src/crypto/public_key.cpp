#include "crypto/public_key.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <optional>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/check.h"
#include "crypto/algorithm.h"
#include "crypto/key_type.h"
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

base::Bytes write_spki(const EVP_PKEY* key) {
  if (key == nullptr) return {};
  std::uint8_t* raw = nullptr;
  const int length = i2d_PUBKEY(key, &raw);
  const Handle<std::uint8_t, free_openssl_bytes> owner(raw);
  if (length <= 0) drop_openssl_errors();
  return length <= 0 ? base::Bytes{} : base::Bytes(raw, raw + length);
}

using Key = Handle<EVP_PKEY, EVP_PKEY_free>;

/// What comes before x and y.
constexpr std::array<std::uint8_t, 27> kP256Head = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                                    0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                                    0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};
constexpr std::size_t kP256Length = kP256Head.size() + 64;

/// What OpenSSL 3.0's decoder does in 110 us, here in 5. Null when the point is not on the curve.
Key read_plain_p256(base::BytesView spki) {
  static const Key kOnTheCurve(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
  Key key(EVP_PKEY_new());
  const base::BytesView point = spki.last(65);
  const bool good = key != nullptr && kOnTheCurve != nullptr &&
                    EVP_PKEY_copy_parameters(key.get(), kOnTheCurve.get()) == 1 &&
                    EVP_PKEY_set1_encoded_public_key(key.get(), point.data(), point.size()) == 1;
  if (!good) drop_openssl_errors();
  return good ? std::move(key) : nullptr;
}

}  // namespace

KeyType type_of(const EVP_PKEY* key) {
  switch (key == nullptr ? EVP_PKEY_NONE : EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA: return KeyType::rsa;
    case EVP_PKEY_ED25519: return KeyType::ed25519;
    case EVP_PKEY_EC: return type_of_curve(key);
    default: return KeyType::other;
  }
}

/// What is worked out once is never changed afterwards. Not by std::call_once, which ends with a system call.
struct PublicKey::Held {
  Key key = nullptr;  ///< may be
  mutable std::mutex mutex = {};
  mutable std::optional<KeyType> type = {};
  mutable std::optional<base::Bytes> spki = {};
  mutable std::optional<Digest256> spki_sha256 = {};
};

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

bool PublicKey::is_plain_p256(base::BytesView spki) {
  return spki.size() == kP256Length && std::ranges::equal(spki.first(kP256Head.size()), kP256Head);
}

base::Result<PublicKey> PublicKey::from_spki(base::BytesView der) {
  if (is_plain_p256(der)) {
    Key key = read_plain_p256(der);
    if (key != nullptr) return from_native(key.get(), der);
  }
  const std::uint8_t* at = der.data();
  const Key key(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())));
  if (key == nullptr)
    return base::unexpected(openssl_error(base::Kind::invalid, "key.malformed", "this is no public key"));
  drop_openssl_errors();
  if (at != der.data() + der.size())
    return base::fail(base::Kind::invalid, "key.malformed", "there are bytes behind the public key");
  return from_native(key.get());
}

PublicKey PublicKey::from_native(EVP_PKEY* key) { return from_native(key, {}); }

PublicKey PublicKey::from_native(EVP_PKEY* key, base::BytesView spki) {
  auto held = std::make_shared<Held>();
  if (key != nullptr) BASE_CHECK(EVP_PKEY_up_ref(key) == 1);
  held->key.reset(key);
  // Any other encoding may not be the one that libcrypto would write, which is what keys are recognised by.
  if (key != nullptr && is_plain_p256(spki)) {
    held->type = KeyType::ec_p256;
    held->spki = base::to_bytes(spki);
  }
  return PublicKey(std::move(held));
}

EVP_PKEY* PublicKey::native() const { return held_->key.get(); }

KeyType PublicKey::type() const {
  const std::lock_guard lock(held_->mutex);
  if (!held_->type) held_->type = type_of(native());
  return *held_->type;
}

int PublicKey::bits() const { return native() == nullptr ? 0 : EVP_PKEY_get_bits(native()); }

std::uint64_t PublicKey::rsa_exponent() const {
  if (type() != KeyType::rsa) return 0;
  BIGNUM* raw = nullptr;
  const bool found = EVP_PKEY_get_bn_param(native(), OSSL_PKEY_PARAM_RSA_E, &raw) == 1;
  const Handle<BIGNUM, BN_free> exponent(raw);
  if (!found || BN_num_bits(exponent.get()) > 64) return 0;
  std::array<std::uint8_t, 8> bytes{};
  BN_bn2binpad(exponent.get(), bytes.data(), static_cast<int>(bytes.size()));
  std::uint64_t value = 0;
  for (const std::uint8_t byte : bytes)
    value = (value << 8) | byte;
  return value;
}

const base::Bytes& PublicKey::to_spki() const {
  const std::lock_guard lock(held_->mutex);
  if (!held_->spki) held_->spki = write_spki(native());
  return *held_->spki;
}

Digest256 PublicKey::spki_sha256() const {
  const base::Bytes& spki = to_spki();
  const std::lock_guard lock(held_->mutex);
  if (!held_->spki_sha256) held_->spki_sha256 = sha256(spki);
  return *held_->spki_sha256;
}

std::string PublicKey::to_pem() const { return crypto::to_pem("PUBLIC KEY", to_spki()); }

bool PublicKey::verify(base::BytesView message, base::BytesView signature) const {
  const KeyType kind = type();
  if (kind == KeyType::other) return false;
  const Handle<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
  const bool good =
      context != nullptr &&
      EVP_DigestVerifyInit(context.get(), nullptr, signing_digest(kind), nullptr, native()) == 1 &&
      EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(), message.size()) == 1;
  if (!good) drop_openssl_errors();
  return good;
}

}  // namespace countersign::crypto
