// Renewal by the certificate that a peer holds: POST /v1/renewals, which both doors take - for partners the public one,
// for the platform's own programs the internal one - and EST's simplereenroll.
#pragma once

#include "authority/api/routes.h"

namespace countersign::authority {

/// The next certificate for the identity of `holder` and no other; what it showed is noted as in use. The caller has
/// proved to hold its key just now. Runs on the registry's thread. Fails: as Enrolment::renew.
base::Result<Outcome> renew_held(Authority& authority, const trust::AdmittedChain& holder, trust::Purpose wanted,
                                 x509::Csr csr);

/// What a caller brings along, besides the certificate shown.
struct RenewalCall {
  trust::Purpose wanted;
  std::string csr;  ///< PEM or DER
};

/// The next certificate for the identity of `peer` and no other; what it showed is noted as in use. `tell` says the
/// outcome in the words of the protocol. Runs on the registry's thread; borrows the authority. Fails: as
/// x509::Csr::parse and store.
base::Result<Asked> to_renew(Authority& authority, const tls::VerifiedPeer& peer, RenewalCall call,
                             std::function<Answer(const Outcome&)> tell);

/// {"purpose":"...","csr":"..."}: the same, asked and answered in JSON. Fails: `json.*`, `purpose.unknown`, and as
/// to_renew.
base::Result<Asked> renew(Authority& authority, const tls::VerifiedPeer& peer, const http::Request& request);

}  // namespace countersign::authority
