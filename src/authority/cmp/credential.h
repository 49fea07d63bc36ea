// Enrolment by a credential alone: the one that is made for external account binding is good for one certificate here,
// as it is for one account in ACME.
#pragma once

#include "authority/authority.h"

namespace countersign::authority {

struct CredentialOrder {
  const std::string& kid;
  trust::Purpose purpose;
  x509::Csr csr;
};

/// As the audit log names whoever has it.
Actor credential_holder(const std::string& kid);

/// Whoever calls has proved to know the credential's key. It is used up by the first key that a request or an issuance
/// is recorded for; the same key is then told the same, as long as the certificate is valid. Fails:
/// `purpose.not_allowed`, `eab_credential.used`, `eab_credential.cancelled`, `eab_credential.expired`, `key.reused`
/// when the key has a certificate from elsewhere, and as Enrolment::enrol.
base::Result<Outcome> enrol_by_credential(Authority& authority, const CredentialOrder& order);

}  // namespace countersign::authority
