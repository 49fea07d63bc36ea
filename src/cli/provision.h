// What `countersign up` does between starting the authority and starting the data planes: gives them trust and
// certificates.
//
// Everything here may be repeated: what is there and good is left alone.
#pragma once

#include <filesystem>

#include "cli/api_client.h"
#include "cli/up_config.h"

namespace countersign::cli {

/// A client of the authority that runs on this machine: its CA certificates are read from its own folder, so that
/// nothing needs to be believed over the network. Proves to be the operator. Fails: `authority.certificates`,
/// `credential.*`.
base::Result<ApiClient> open_local_authority(const UpConfig& config, const net::Endpoint& api, const Context& context);

/// Writes DATA/trust-chain.pem and DATA/partner-chain.pem. Fails: as ApiClient, `file.unwritable`.
base::Result<void> write_trust_chains(ApiClient& authority, const std::filesystem::path& data);

/// Registers the data planes and gives them certificates: those that are missing, unusable, or past two thirds of their
/// life (running data planes renew their own). Says on context.err what it obtains. Fails: as ApiClient and enrol().
base::Result<void> provision(ApiClient& authority, const UpConfig& config, Context& context);

}  // namespace countersign::cli
