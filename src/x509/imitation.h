// Imitations: certificates that look like a genuine one and must be refused, for trying whether a partner's server
// does. What they have in common with the model - names, purposes, dates, key identifiers, to the byte - is what a
// forger would copy; what they lack is the one thing that cannot be copied.
#pragma once

#include "crypto/private_key.h"
#include "x509/certificate.h"

namespace countersign::x509 {

/// Who vouches for an imitation.
struct Forger {
  const Certificate* certificate = nullptr;  ///< whose subject stands as the issuer; null: the imitation's own
  const crypto::PrivateKey& key;             ///< signs
};

/// `model` with another key and serial number, signed by `forger`. Where the forger has the name that already stands as
/// issuer, the authority key identifier stays as well; else it is left out. Fails: `certificate.build`.
base::Result<Certificate> imitate(const Certificate& model, const crypto::PublicKey& key, const Forger& forger);

/// `model` with one bit of its serial number changed, under its old signature. Fails: `certificate.build`.
base::Result<Certificate> tamper_with(const Certificate& model);

}  // namespace countersign::x509
