// The weak-key gate: what a key must be before anyone certifies it, or believes what somebody else certified.
//
// It needs nothing but the key. Two policies and no third: `certify` says what this authority puts its name under,
// `believe` what a chain may consist of.
#pragma once

#include "crypto/public_key.h"

namespace countersign::crypto {

enum class KeyPolicy {
  certify,  ///< RSA of 2048 to 4096 bits
  believe,  ///< RSA of 2048 to 8192 bits: others' CAs may be larger than what we certify
};

/// Passes RSA in steps of 8 bits with e = 65537, P-256 and P-384 with their point written uncompressed, and Ed25519.
/// Refuses, besides every other kind and size:
/// - RSA moduli with a factor below 4000 or that are a power of one prime (NIST SP 800-89 section 5.3.3 asks for none
///   below 752), with two primes so close that Fermat's method finds them (CVE-2022-26320), or with the fingerprint of
///   Infineon's library (ROCA, CVE-2017-15361);
/// - points off their curve and at infinity, curves described by explicit parameters (CVE-2020-0601), and points in
///   another form than the uncompressed one, by which one key would have several SPKIs (RFC 5480 section 2.2);
/// - Ed25519 points that do not decode (RFC 8032 section 5.1.3) or whose order is 8 or less: under such a key a
///   signature says nothing.
/// Fails: `key.weak`, naming the rule.
base::Result<void> check_strength(const PublicKey& key, KeyPolicy policy);

}  // namespace countersign::crypto
