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

/// A client of the authority that runs on this machine, recognised by the trust chain that it left in the file system.
/// Proves to be the operator. Fails: as read_trust_file and tls::load_credential.
base::Result<ApiClient> open_local_authority(const UpConfig& config, const net::Endpoint& api, const Context& context);

/// Registers the data planes and gives them certificates: those that are missing, unusable, or past two thirds of their
/// life (running data planes renew their own). Says on context.err what it obtains. Fails: as ApiClient and enrol().
base::Result<void> provision(ApiClient& authority, const UpConfig& config, Context& context);

}  // namespace countersign::cli
