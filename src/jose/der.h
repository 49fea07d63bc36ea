// Inside of jose and signatures: the little DER that lies between JOSE's numbers and what crypto reads and writes
// (X.690, RFC 5480, RFC 8017, RFC 8410).
#pragma once

#include <optional>

#include "base/bytes.h"

namespace countersign::jose {

/// SubjectPublicKeyInfo of a point: P-256 where the coordinates have 32 bytes, P-384 where they have 48.
base::Bytes ec_spki(base::BytesView x, base::BytesView y);
base::Bytes ed25519_spki(base::BytesView x);
/// Big-endian, without leading zeros.
base::Bytes rsa_spki(base::BytesView modulus, base::BytesView exponent);

struct EcPoint {
  base::Bytes x;
  base::Bytes y;
};
struct RsaNumbers {
  base::Bytes modulus;
  base::Bytes exponent;
};
/// The numbers in a SubjectPublicKeyInfo as the functions above write it; nothing where it is another's.
std::optional<EcPoint> read_ec_spki(base::BytesView spki);
std::optional<base::Bytes> read_ed25519_spki(base::BytesView spki);
std::optional<RsaNumbers> read_rsa_spki(base::BytesView spki);

/// An ECDSA signature from R || S, each of half the length, and back (RFC 7518 section 3.4; Ecdsa-Sig-Value).
base::Bytes to_ecdsa_der(base::BytesView r_and_s);
std::optional<base::Bytes> from_ecdsa_der(base::BytesView der, std::size_t number_length);

}  // namespace countersign::jose
