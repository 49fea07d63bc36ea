#include "crypto/rsa_faults.h"

#include <array>
#include <numeric>
#include <optional>
#include <vector>

#include <openssl/bn.h>

#include "base/check.h"
#include "crypto/handle.h"

namespace countersign::crypto {
namespace {

using BigNumber = Handle<BIGNUM, BN_free>;
using BigContext = Handle<BN_CTX, BN_CTX_free>;

constexpr unsigned kTrialLimit = 4000;
constexpr int kFermatRounds = 110;
/// The primes that Infineon's library multiplied for keys of 1984 bits and more are at least those up to 701.
constexpr unsigned kRocaLimit = 702;
constexpr unsigned kRocaGenerator = 65537;

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

constexpr auto kOddPrimes = odd_primes();

unsigned remainder_of(const BIGNUM* number, unsigned divisor) {
  return static_cast<unsigned>(BN_mod_word(number, divisor));
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
    const unsigned remainder = remainder_of(number, modulus);
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

/// x with 65537^x = residue (mod prime), and the order of 65537 there: x counts modulo that.
struct Logarithm {
  unsigned exponent;
  unsigned order;
};

std::optional<Logarithm> logarithm_of(unsigned residue, unsigned prime) {
  std::optional<unsigned> exponent;
  unsigned power = 1;
  unsigned order = 0;
  do {
    if (power == residue) exponent = order;
    power = power * (kRocaGenerator % prime) % prime;
    ++order;
  } while (power != 1);
  if (!exponent) return std::nullopt;
  return Logarithm{*exponent, order};
}

/// Is there one x for both? By the Chinese remainder theorem there is then one for all that agree two by two.
bool agree(const Logarithm& one, const Logarithm& other) {
  const unsigned common = std::gcd(one.order, other.order);
  return one.exponent % common == other.exponent % common;
}

}  // namespace

bool has_small_factor(const BIGNUM* modulus) {
  if (BN_is_odd(modulus) == 0) return true;
  for (const unsigned prime : kOddPrimes)
    if (remainder_of(modulus, prime) == 0) return true;
  return false;
}

/// For n = p^k, 2^n = 2 (mod p) by Fermat's little theorem, so that p divides 2^n - 2 and n; of another n it does not.
bool is_power_of_prime(const BIGNUM* modulus) {
  const BigContext context(BN_CTX_new());
  const BigNumber two(BN_new());
  const BigNumber rest(BN_new());
  const BigNumber common(BN_new());
  BASE_CHECK(context != nullptr && two != nullptr && rest != nullptr && common != nullptr);
  const bool counted = BN_set_word(two.get(), 2) == 1 &&
                       BN_mod_exp(rest.get(), two.get(), modulus, modulus, context.get()) == 1 &&
                       BN_mod_sub(rest.get(), rest.get(), two.get(), modulus, context.get()) == 1 &&
                       BN_gcd(common.get(), rest.get(), modulus, context.get()) == 1;
  BASE_CHECK(counted);
  return BN_is_one(common.get()) == 0;
}

/// n = a^2 - b^2 = (a - b)(a + b): with primes close together a is just above the root of n, with equal ones it is it.
bool has_close_primes(const BIGNUM* modulus) {
  const BigContext context(BN_CTX_new());
  const BigNumber a(BN_new());
  const BigNumber rest(BN_new());
  BASE_CHECK(context != nullptr && a != nullptr && rest != nullptr && integer_root(a.get(), modulus, context.get()));
  if (is_square(modulus, context.get())) return true;
  for (int round = 0; round < kFermatRounds; ++round) {
    const bool counted = BN_add_word(a.get(), 1) == 1 && BN_sqr(rest.get(), a.get(), context.get()) == 1 &&
                         BN_sub(rest.get(), rest.get(), modulus) == 1;
    BASE_CHECK(counted);
    if (is_square(rest.get(), context.get())) return true;
  }
  return false;
}

bool has_roca_fingerprint(const BIGNUM* modulus) {
  std::vector<Logarithm> logarithms;
  for (const unsigned prime : kOddPrimes) {
    if (prime >= kRocaLimit) return true;
    const auto found = logarithm_of(remainder_of(modulus, prime), prime);
    if (!found) return false;
    for (const Logarithm& earlier : logarithms)
      if (!agree(*found, earlier)) return false;
    logarithms.push_back(*found);
  }
  BASE_UNREACHABLE();
}

}  // namespace countersign::crypto
