// What `countersign up` does between starting the authority and starting the data planes: gives them trust and
// certificates.
//
// Everything here may be repeated: what is there and good is left alone.
#pragma once

#include <filesystem>

#include "cli/api_client.h"
#include "cli/up_config.h"

namespace countersign::cli {

/// Puts trust-chain.pem and partner-chain.pem, which the authority leaves beside its own folder, into `data` too.
/// Fails: as base::read_file and base::write_file.
base::Result<void> copy_trust_chains(const UpConfig& config, const std::filesystem::path& data);

/// The first of `names` that the certificate does not carry. A wildcard must stand there as it is: it is no host that
/// could be matched.
std::optional<std::string> first_unnamed(const x509::Certificate& certificate, const std::vector<std::string>& names);
/// A host name under which a server with these names can be called: the first that is no wildcard, else one of those
/// that the first wildcard stands for. `names` must not be empty.
std::string name_to_call(const std::vector<std::string>& names);

/// Registers the data planes and gives them certificates: those that are missing, unusable, or past two thirds of their
/// life (running data planes renew their own). Says on context.err what it obtains. Needs the operator's credential in
/// the authority's folder only when there is something to obtain. Fails: as read_trust_file, tls::load_credential,
/// ApiClient and enrol().
base::Result<void> provision(const net::Endpoint& api, const UpConfig& config, Context& context);

}  // namespace countersign::cli
