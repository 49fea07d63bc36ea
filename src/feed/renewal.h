// Renewal: a data plane replaces its own certificates before they end, with a fresh key each time.
#pragma once

#include "feed/authority_link.h"
#include "feed/credential_files.h"

namespace countersign::feed {

/// From two thirds of its life on, a certificate is due; also while it is not valid yet.
bool is_due(const x509::Certificate& certificate, base::Instant now);

/// When two thirds of its life are over.
base::Instant due_at(const x509::Certificate& certificate);

/// Makes a key (or takes the one of a renewal under way), has the authority renew the identity of the caller's own
/// certificate for `purpose`, checks the answer (our key, the identity of `current`) and replaces the files. Fails:
/// `renewal.pending` while people must approve, `renewal.unexpected`, and as the link and files.
net::Task<base::Result<void>> renew(AuthorityLink& link, const CredentialFiles& files, trust::Purpose purpose,
                                    x509::Certificate current, net::Deadline deadline);

}  // namespace countersign::feed
