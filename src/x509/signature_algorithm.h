// Inside of x509 only: how the algorithm by which PrivateKey::sign signs is named (RFC 3279, RFC 5758, RFC 8410), and
// signatures by algorithms that others have chosen.
#pragma once

#include "base/bytes.h"
#include "crypto/public_key.h"

struct X509_algor_st;

namespace countersign::x509 {

/// Writes it into `field`; false for a key that signs nothing of ours.
bool set_signature_algorithm(X509_algor_st* field, crypto::KeyType signer);
/// The AlgorithmIdentifier; empty for a key that signs nothing of ours.
base::Bytes signature_algorithm_der(crypto::KeyType signer);

/// A signature as a message carries it: views into that.
struct Signed {
  base::BytesView message;
  base::BytesView algorithm;  ///< the AlgorithmIdentifier
  base::BytesView signature;
};
/// Is it by `key`, with ECDSA or RSA (PKCS#1 v1.5) over SHA-256, SHA-384 or SHA-512, or with Ed25519? Other algorithms
/// are no.
bool is_signed_by(const Signed& what, const crypto::PublicKey& key);

}  // namespace countersign::x509
