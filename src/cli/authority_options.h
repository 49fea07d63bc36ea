// The options of every command that talks to the authority, and what they mean when they are not given.
#pragma once

#include <filesystem>
#include <string>

#include "cli/api_client.h"

namespace CLI {
class App;
}

namespace countersign::cli {

struct AuthorityOptions {
  std::string data = "countersign-data";
  std::string authority;            ///< HOST:PORT
  std::string trust_chain;          ///< a PEM file
  std::string operator_credential;  ///< a folder: admin.pem and admin.key, or service-chain.pem and service.key
  bool json = false;

  /// --trust-chain, else DATA/trust-chain.pem.
  std::filesystem::path trust_chain_file() const;
  /// --authority; else what DATA/countersign.toml says (with port 0: what the running `countersign up` says); else
  /// localhost:9443. Fails: `endpoint.invalid`, as base::ConfigSection.
  base::Result<net::Endpoint> address() const;
};

/// Declares --data, --authority, --trust-chain and --json.
void add_authority_options(CLI::App& app, AuthorityOptions& options);
/// The same and --operator.
void add_operator_options(CLI::App& app, AuthorityOptions& options);

/// A client without certificate. Fails: `trust_chain.missing`, as read_trust_file.
base::Result<ApiClient> open_api(const AuthorityOptions& options, const Context& context);
/// A client that shows `credential`, borrowed for the call; `door` says whose it is. Fails: the same.
base::Result<ApiClient> open_api_with(const AuthorityOptions& options, const tls::Credential& credential,
                                      const Door& door, const Context& context);
/// A client that proves to be the operator. Fails: also `operator.missing`.
base::Result<ApiClient> open_api_as_operator(const AuthorityOptions& options, const Context& context);

/// What a running `countersign up` left about itself.
inline constexpr const char* kRunningFile = "up.json";

}  // namespace countersign::cli
