// Roots that follow each other: a root that is believed vouches for a new one by a cross certificate - the new root's
// name and key, signed by the old root's key (RFC 5280 section 3.2, "cross-certificates").
#pragma once

#include <vector>

#include "x509/certificate.h"

namespace countersign::trust {

/// Does `issuer` say by `cross` that `root` is a root? Its name and key must be those of `root`, and it must let
/// another CA follow: what vouches for an issuing CA makes no root of it. When it is valid is for the caller to ask.
bool vouches_for(const x509::Certificate& cross, const x509::Certificate& root, const x509::Certificate& issuer);

/// A root that somebody speaks of, with what other roots say of it.
struct ProposedRoot {
  x509::Certificate certificate;
  std::vector<x509::Certificate> crosses = {};
};

/// Those of `proposed` that are `installed`, or that one of these vouches for, or one that is vouched for itself, by a
/// cross certificate that is valid at `at`. In the order of `proposed`.
std::vector<x509::Certificate> believed_roots(const std::vector<x509::Certificate>& installed,
                                              const std::vector<ProposedRoot>& proposed, base::Instant at);

}  // namespace countersign::trust
