// The last step of issuance: the certificate, its place in the log of certificates, the end of its intent, its audit
// record and the fact for the trust feed become durable together.
#pragma once

#include "authority/issuance/lint.h"
#include "authority/registry/ledger.h"

namespace countersign::authority {

/// What was linted, and the certificate that the signer made of it.
struct Signed {
  const Linted* linted;
  const x509::Certificate* certificate;
};
struct Published {};

/// All in one amendment; where one cannot be published, each on its own, so that it fails alone. Fails: `signer.faulty`
/// when a certificate is not the linted bytes under a good signature of the issuer, and as store.
std::vector<base::Result<Published>> publish(Ledger& ledger, const std::vector<Signed>& group);

}  // namespace countersign::authority
