// What commands that call another program of the provider's share with those that call the authority: whom they
// believe, who they are, and where it is.
#pragma once

#include "cli/authority_options.h"

namespace countersign::cli {

/// The trust chain of the options. Fails: `trust_chain.missing`, as read_trust_file.
base::Result<trust::TrustSet> load_trust(const AuthorityOptions& options);
/// The operator's credential of the options. Fails: `operator.missing`, `operator.unusable`.
base::Result<tls::Credential> load_operator(const AuthorityOptions& options);
/// The address `member` of what a running `countersign up` left about itself in `data`. Fails:
/// `authority.not_running`.
base::Result<net::Endpoint> running_address(const std::filesystem::path& data, std::string_view member);

}  // namespace countersign::cli
