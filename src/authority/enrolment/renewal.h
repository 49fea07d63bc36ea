// Renewal: whoever has proved to hold a certificate gets the next one for the same identity, judged by today's policy
// in full. Both are good until the old one ends (overlap). A certificate whose successor has been seen in use renews
// nothing any more: whoever still shows it may have stolen it.
#pragma once

#include "authority/issuance/succession.h"
#include "authority/registry/ledger.h"
#include "store/certificates.h"
#include "trust/purpose.h"
#include "x509/csr.h"

namespace countersign::authority {

/// Who renews: the identity, purpose and certificate that the caller has just proved to hold.
struct RenewalOrder {
  base::Identity identity;
  trust::Purpose held;
  trust::Purpose wanted;
  x509::Csr csr;
  crypto::Digest256 held_fingerprint;
};

/// With a certificate for `held`, may one for `wanted` be renewed?
bool may_renew(trust::Purpose held, trust::Purpose wanted);

/// The certificate held, which must not have the new key. Fails: `key.reused`, `certificate.unknown`, and as store.
base::Result<store::CertificateRow> find_held_certificate(store::Transaction& rows, const RenewalOrder& order,
                                                          const crypto::PublicKey& key);
/// What was shown in a handshake, as a gateway tells it, or as it was shown to us. Certificates that are not known, or
/// were seen before, are passed over. Returns how many were new. Fails: as store.
base::Result<std::size_t> note_seen(Ledger& ledger, const Actor& by, const std::vector<std::string>& fingerprints);

}  // namespace countersign::authority
