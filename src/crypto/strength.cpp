#include "crypto/strength.h"

#include <array>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "base/check.h"
#include "crypto/edwards_faults.h"
#include "crypto/handle.h"
#include "crypto/openssl_error.h"
#include "crypto/rsa_faults.h"

namespace countersign::crypto {
namespace {

using BigNumber = Handle<BIGNUM, BN_free>;

constexpr int kRsaLeast = 2048;
constexpr std::uint64_t kRsaExponent = 65537;
/// SEC 1 section 2.3.3: the octet in front of an uncompressed point.
constexpr std::uint8_t kUncompressed = 0x04;

tl::unexpected<base::Error> weak(std::string detail) {
  return base::fail(base::Kind::invalid, "key.weak", std::move(detail) + ": make a new key, P-256 or RSA of 3072 bits");
}

int largest_rsa(KeyPolicy policy) {
  switch (policy) {
    case KeyPolicy::certify: return 4096;
    case KeyPolicy::believe: return 8192;
  }
  BASE_UNREACHABLE();
}

base::Result<void> check_rsa_size(const PublicKey& key, KeyPolicy policy) {
  const int bits = key.bits();
  const std::string size = "the RSA key has " + std::to_string(bits) + " bits";
  const int most = largest_rsa(policy);
  if (bits < kRsaLeast) return weak(size + ", at least 2048 are needed");
  if (bits > most) return weak(size + ", at most " + std::to_string(most) + " are accepted");
  if (bits % 8 != 0) return weak(size + ", which is no multiple of 8");
  return {};
}

base::Result<void> check_rsa(const PublicKey& key, KeyPolicy policy) {
  BASE_TRY_VOID(check_rsa_size(key, policy));
  if (key.rsa_exponent() != kRsaExponent) return weak("the RSA key's public exponent is not 65537");
  BIGNUM* raw = nullptr;
  const bool found = EVP_PKEY_get_bn_param(key.native(), OSSL_PKEY_PARAM_RSA_N, &raw) == 1;
  const BigNumber modulus(raw);
  if (!found) return weak("the RSA key has no modulus");
  if (has_small_factor(modulus.get())) return weak("the RSA key's modulus has a small factor");
  if (has_roca_fingerprint(modulus.get()))
    return weak("the RSA key was made by a library whose keys can be computed (ROCA, CVE-2017-15361)");
  if (has_close_primes(modulus.get())) return weak("the RSA key's two primes are too close together");
  if (policy == KeyPolicy::certify && is_power_of_prime(modulus.get()))
    return weak("the RSA key's modulus is a prime or a power of one");
  return {};
}

/// The last octets of an SPKI are the point: an octet for its form, then x and y.
bool is_uncompressed(const PublicKey& key) {
  const base::Bytes spki = key.to_spki();
  const std::size_t coordinate = key.type() == KeyType::ec_p256 ? 32 : 48;
  const std::size_t point = 2 * coordinate + 1;
  return spki.size() > point && spki[spki.size() - point] == kUncompressed;
}

base::Result<void> check_curve(const PublicKey& key) {
  // By its form it names its curve, and its point is uncompressed, so not at infinity; on the curve it is because
  // libcrypto takes no other for a key.
  if (PublicKey::is_plain_p256(key.to_spki())) return {};
  int explicit_parameters = 0;
  const bool told =
      EVP_PKEY_get_int_param(key.native(), OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &explicit_parameters) == 1;
  if (told && explicit_parameters != 0)
    return weak("the key describes its curve itself instead of naming P-256 or P-384");
  const Handle<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.native(), nullptr));
  const bool on_curve = context != nullptr && EVP_PKEY_public_check_quick(context.get()) == 1;
  drop_openssl_errors();
  if (!on_curve) return weak("the key's point is not on its curve");
  if (!is_uncompressed(key)) return weak("the key's point is written in another form than the uncompressed one");
  return {};
}

base::Result<void> check_edwards(const PublicKey& key) {
  std::array<std::uint8_t, 32> bytes{};
  std::size_t length = bytes.size();
  const bool read = EVP_PKEY_get_raw_public_key(key.native(), bytes.data(), &length) == 1;
  drop_openssl_errors();
  switch (find_edwards_fault(base::BytesView(bytes).first(read ? length : 0))) {
    case EdwardsFault::none: return {};
    case EdwardsFault::not_a_point: return weak("the Ed25519 key is no point of its curve");
    case EdwardsFault::low_order: return weak("the Ed25519 key is a point of low order, under which everybody signs");
  }
  BASE_UNREACHABLE();
}

}  // namespace

base::Result<void> check_strength(const PublicKey& key, KeyPolicy policy) {
  switch (key.type()) {
    case KeyType::rsa: return check_rsa(key, policy);
    case KeyType::ec_p256:
    case KeyType::ec_p384: return check_curve(key);
    case KeyType::ed25519: return check_edwards(key);
    case KeyType::other: return weak("the key is none of RSA, P-256, P-384 and Ed25519");
  }
  BASE_UNREACHABLE();
}

}  // namespace countersign::crypto
