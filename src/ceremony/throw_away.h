// A signature that nobody believes, by a key of the signer's kind that is forgotten: so that what is about to be signed
// can be read as a stranger would read it, before the true key touches it.
#pragma once

#include "x509/certificate_builder.h"

namespace countersign::ceremony {

/// The bytes as a certificate; its signature is worth nothing. Fails: `lint.failed` for a key that signs nothing of
/// ours, and as crypto.
base::Result<x509::Certificate> sign_for_show(const x509::TbsCertificate& tbs, const crypto::PublicKey& issuer);

}  // namespace countersign::ceremony
