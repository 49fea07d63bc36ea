// Inside of crypto: from what a token tells of a public key to a PublicKey, and back to what makes one.
#pragma once

#include "crypto/private_key.h"

namespace countersign::crypto {

/// `parameters`: DER ECParameters, the OID of P-256 or P-384. `point`: CKA_EC_POINT, a DER OCTET STRING around the
/// point, or, of tokens that misread the standard, the point itself. Fails: `key.malformed`.
base::Result<PublicKey> ec_public_key(base::BytesView parameters, base::BytesView point);
/// Big-endian. Fails: `key.malformed`.
base::Result<PublicKey> rsa_public_key(base::BytesView modulus, base::BytesView exponent);

/// DER ECParameters (RFC 5480 section 2.1.1) of p256 and p384; empty of other kinds.
base::Bytes ec_parameters(PrivateKey::Kind kind);
/// 2048, 3072, 4096; 0 of other kinds.
unsigned long rsa_bits(PrivateKey::Kind kind);

/// r and s of equal length one after the other, as tokens give them, as DER ECDSA-Sig-Value. Fails: `key.malformed`.
base::Result<base::Bytes> to_ecdsa_sig_value(base::BytesView raw);

}  // namespace countersign::crypto
