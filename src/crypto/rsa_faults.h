// Inside of crypto: faults of RSA moduli that cost nothing to find and everything to keep. Each test is true when the
// fault is there. `modulus` has 2048 bits or more.
#pragma once

typedef struct bignum_st BIGNUM;

namespace countersign::crypto {

/// Even, or divisible by a prime below 4000: a broken generator. NIST SP 800-89 section 5.3.3 asks for the primes up to
/// 751, as Boulder tries them; more of them cost next to nothing.
bool has_small_factor(const BIGNUM* modulus);

/// A prime, or a power of one (NIST SP 800-89 section 5.3.3): nothing is left to factor. One exponentiation.
bool is_power_of_prime(const BIGNUM* modulus);

/// Fermat's method finds the factors in 110 rounds or less (CVE-2022-26320; Boulder's number of rounds).
bool has_close_primes(const BIGNUM* modulus);

/// The modulus is a power of 65537 modulo the product of the primes below 702, as all are that Infineon's library made
/// of 2048 bits and more (ROCA, CVE-2017-15361; Nemec et al., "The Return of Coppersmith's Attack", section 2.2). The
/// discrete logarithm itself is taken, prime by prime: by chance a modulus passes with less than 2^-150.
bool has_roca_fingerprint(const BIGNUM* modulus);

}  // namespace countersign::crypto
