// The last step of issuance: the certificate, its place in the log of certificates, the end of its intent, its audit
// record and the fact for the trust feed become durable together.
#pragma once

#include "authority/issuance/lint.h"
#include "authority/registry/ledger.h"

namespace countersign::authority {

/// Fails: `signer.faulty` when `certificate` is not the linted bytes under a good signature of the issuer, and as
/// store.
base::Result<void> publish(Ledger& ledger, const Linted& linted, const x509::Certificate& certificate);

}  // namespace countersign::authority
