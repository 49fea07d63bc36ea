// Renewal by the certificate that a peer holds: POST /v1/renewals, which both doors take - for partners the public one,
// for the platform's own programs the internal one - and EST's simplereenroll.
#pragma once

#include "authority/api/routes.h"

namespace countersign::authority {

/// The next certificate for the identity of `peer` and no other; what it showed is noted as in use. Runs on the
/// registry's thread. Fails: as Enrolment::renew.
base::Result<Outcome> renew_held(Authority& authority, const tls::VerifiedPeer& peer, trust::Purpose wanted,
                                 std::string_view csr);

/// {"purpose":"...","csr":"..."}: the same, asked and answered in JSON. Fails: `json.*`, `purpose.unknown`, and as
/// renew_held.
Answer renew(Authority& authority, const tls::VerifiedPeer& peer, const http::Request& request);

}  // namespace countersign::authority
