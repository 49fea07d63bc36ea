// The weak-key gate. An RSA modulus is also tried for the two faults that cost nothing to find and everything to keep:
// a small factor (a broken generator) and two primes so close that Fermat's method finds them (CVE-2022-26320).
#include <array>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "base/check.h"
#include "crypto/handle.h"
#include "crypto/openssl_error.h"
#include "crypto/public_key.h"

namespace countersign::crypto {
namespace {

using BigNumber = Handle<BIGNUM, BN_free>;
using BigContext = Handle<BN_CTX, BN_CTX_free>;

constexpr int kRsaLeast = 2048;
constexpr int kRsaMost = 8192;
constexpr std::uint64_t kRsaExponent = 65537;
constexpr unsigned kTrialLimit = 4000;
constexpr int kFermatRounds = 110;

tl::unexpected<base::Error> weak(std::string detail) {
  return base::fail(base::Kind::invalid, "key.weak", std::move(detail) + ": make a new key, P-256 or RSA of 3072 bits");
}

constexpr bool is_prime(unsigned n) {
  for (unsigned d = 3; d * d <= n; d += 2)
    if (n % d == 0) return false;
  return true;
}

constexpr std::size_t count_odd_primes() {
  std::size_t count = 0;
  for (unsigned n = 3; n < kTrialLimit; n += 2)
    count += is_prime(n) ? 1U : 0U;
  return count;
}

constexpr auto odd_primes() {
  std::array<unsigned, count_odd_primes()> primes{};
  std::size_t at = 0;
  for (unsigned n = 3; n < kTrialLimit; n += 2)
    if (is_prime(n)) primes[at++] = n;
  return primes;
}

bool has_small_factor(const BIGNUM* modulus) {
  static constexpr auto kPrimes = odd_primes();
  if (BN_is_odd(modulus) == 0) return true;
  for (const unsigned prime : kPrimes)
    if (BN_mod_word(modulus, prime) == 0) return true;
  return false;
}

/// The largest root with root^2 <= square, by Newton's method from above.
bool integer_root(BIGNUM* root, const BIGNUM* square, BN_CTX* context) {
  const BigNumber next(BN_new());
  BN_zero(root);
  if (next == nullptr || BN_set_bit(root, (BN_num_bits(square) + 1) / 2) != 1) return false;
  for (;;) {
    if (BN_div(next.get(), nullptr, square, root, context) != 1 || BN_add(next.get(), next.get(), root) != 1 ||
        BN_rshift1(next.get(), next.get()) != 1)
      return false;
    if (BN_cmp(next.get(), root) >= 0) return true;
    if (BN_copy(root, next.get()) == nullptr) return false;
  }
}

/// Squares leave few remainders, so that a real root is taken of one number in a hundred only.
bool may_be_square(const BIGNUM* number) {
  for (const unsigned modulus : {64U, 63U, 65U, 11U}) {
    const auto remainder = static_cast<unsigned>(BN_mod_word(number, modulus));
    bool found = false;
    for (unsigned i = 0; i < modulus && !found; ++i)
      found = i * i % modulus == remainder;
    if (!found) return false;
  }
  return true;
}

bool is_square(const BIGNUM* number, BN_CTX* context) {
  if (!may_be_square(number)) return false;
  const BigNumber root(BN_new());
  const BigNumber square(BN_new());
  BASE_CHECK(root != nullptr && square != nullptr && integer_root(root.get(), number, context) &&
             BN_sqr(square.get(), root.get(), context) == 1);
  return BN_cmp(square.get(), number) == 0;
}

/// n = a^2 - b^2 = (a - b)(a + b): with primes close together a is just above the root of n.
bool has_close_primes(const BIGNUM* modulus) {
  const BigContext context(BN_CTX_new());
  const BigNumber a(BN_new());
  const BigNumber rest(BN_new());
  BASE_CHECK(context != nullptr && a != nullptr && rest != nullptr && integer_root(a.get(), modulus, context.get()));
  for (int round = 0; round < kFermatRounds; ++round) {
    const bool counted = BN_add_word(a.get(), 1) == 1 && BN_sqr(rest.get(), a.get(), context.get()) == 1 &&
                         BN_sub(rest.get(), rest.get(), modulus) == 1;
    BASE_CHECK(counted);
    if (is_square(rest.get(), context.get())) return true;
  }
  return false;
}

base::Result<void> check_rsa(const PublicKey& key) {
  const int bits = key.bits();
  const std::string size = "the RSA key has " + std::to_string(bits) + " bits";
  if (bits < kRsaLeast) return weak(size + ", at least 2048 are needed");
  if (bits > kRsaMost) return weak(size + ", at most 8192 are accepted");
  if (bits % 8 != 0) return weak(size + ", which is no multiple of 8");
  if (key.rsa_exponent() != kRsaExponent) return weak("the RSA key's public exponent is not 65537");
  BIGNUM* raw = nullptr;
  const bool found = EVP_PKEY_get_bn_param(key.native(), OSSL_PKEY_PARAM_RSA_N, &raw) == 1;
  const BigNumber modulus(raw);
  if (!found) return weak("the RSA key has no modulus");
  if (has_small_factor(modulus.get())) return weak("the RSA key's modulus has a small factor");
  if (has_close_primes(modulus.get())) return weak("the RSA key's two primes are too close together");
  return {};
}

base::Result<void> check_curve(const PublicKey& key) {
  int explicit_parameters = 0;
  const bool told =
      EVP_PKEY_get_int_param(key.native(), OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &explicit_parameters) == 1;
  if (told && explicit_parameters != 0)
    return weak("the key describes its curve itself instead of naming P-256 or P-384");
  const Handle<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.native(), nullptr));
  const bool on_curve = context != nullptr && EVP_PKEY_public_check_quick(context.get()) == 1;
  drop_openssl_errors();
  if (!on_curve) return weak("the key's point is not on its curve");
  return {};
}

}  // namespace

base::Result<void> check_strength(const PublicKey& key) {
  switch (key.type()) {
    case KeyType::rsa: return check_rsa(key);
    case KeyType::ec_p256:
    case KeyType::ec_p384: return check_curve(key);
    case KeyType::ed25519: return {};
    case KeyType::other: return weak("the key is none of RSA, P-256, P-384 and Ed25519");
  }
  BASE_UNREACHABLE();
}

}  // namespace countersign::crypto
