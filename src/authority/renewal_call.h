// The call POST /v1/renewals, which both doors take: for partners at the public one, for the platform's own programs at
// the internal one.
#pragma once

#include "authority/routes.h"

namespace countersign::authority {

/// {"purpose":"...","csr":"..."}: the next certificate for the identity of `peer` and no other. Runs on the registry's
/// thread. Fails: `json.*`, `purpose.unknown`, and as Enrolment::renew.
Answer renew(Authority& authority, const tls::VerifiedPeer& peer, const http::Request& request);

}  // namespace countersign::authority
