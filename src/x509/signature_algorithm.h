// Inside of x509 only: how the algorithm by which PrivateKey::sign signs is named (RFC 3279, RFC 5758, RFC 8410).
#pragma once

#include "base/bytes.h"
#include "crypto/public_key.h"

struct X509_algor_st;

namespace countersign::x509 {

/// Writes it into `field`; false for a key that signs nothing of ours.
bool set_signature_algorithm(X509_algor_st* field, crypto::KeyType signer);
/// The AlgorithmIdentifier; empty for a key that signs nothing of ours.
base::Bytes signature_algorithm_der(crypto::KeyType signer);

}  // namespace countersign::x509
