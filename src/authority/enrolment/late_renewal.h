// Late renewal: whoever holds the key of the last certificate that an application had, which has ended, gets the next
// one within the time that the profile allows (`danger_renew_after_expiry`; none unless said so).
//
// No handshake accepts a certificate that has ended, so the old key signs the order itself. What is signed names the
// new key: whoever repeats it gets the certificate that was issued then, and no other.
#pragma once

#include <string>

#include "authority/issuance/issuance.h"
#include "authority/registry/ledger.h"
#include "store/certificates.h"

namespace countersign::authority {

struct LateRenewalOrder {
  trust::Purpose purpose;
  x509::Csr csr;
  x509::Certificate held;
  base::Bytes signature;  ///< by the key of `held`, over feed::late_renewal_content()
};

/// The certificate held, of which the caller has the key. Fails: `certificate.unknown`, `renewal.bad_proof`,
/// `purpose.not_allowed`, `key.reused`, and as store.
base::Result<store::CertificateRow> verify_late_holder(Ledger& ledger, const LateRenewalOrder& order);

/// What is to be issued in the place of `held`, where today allows it. Fails: `renewal.not_ended`, `renewal.too_late`,
/// `renewal.not_last` (another followed it), `certificate.revoked`, `key.compromised`, `issuer.over`, and as store.
base::Result<Order> check_late_renewal(Ledger& ledger, const Hierarchy& hierarchy, const IssuancePolicy& policy,
                                       const LateRenewalOrder& order, const store::CertificateRow& held);

}  // namespace countersign::authority
