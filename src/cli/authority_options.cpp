#include "cli/authority_options.h"

#include "base/config.h"
#include "base/files.h"
#include "cli/command_tree.h"
#include "cli/operator_files.h"
#include "cli/trust_file.h"

namespace countersign::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDefaultAuthority = "localhost:9443";

base::Result<net::Endpoint> configured_address(const fs::path& data) {
  BASE_TRY(base::ConfigSection config, base::ConfigSection::load(data / "countersign.toml"));
  BASE_TRY(base::ConfigSection authority, config.section("authority"));
  BASE_TRY(const std::string api, authority.text_or("api", kDefaultAuthority));
  BASE_TRY(net::Endpoint address, net::Endpoint::parse(api));
  if (address.port == 0) return running_address(data, "api");
  if (address.host == "0.0.0.0" || address.host == "::") address.host = "localhost";
  return address;
}

}  // namespace

base::Result<net::Endpoint> running_address(const fs::path& data, std::string_view member) {
  auto text = base::read_file(data / kRunningFile);
  if (!text)
    return base::fail(base::Kind::unavailable, "authority.not_running",
                      "the configuration leaves the port to the system, and no `countersign up` is running on this "
                      "data folder: start "
                      "it, or give --authority HOST:PORT (of a sender: --sender HOST:PORT)");
  BASE_TRY(const base::json::value value, base::parse_json(*text));
  BASE_TRY(base::JsonReader reader, base::JsonReader::of(value));
  BASE_TRY(const std::string address, reader.text(member));
  return net::Endpoint::parse(address);
}

base::Result<trust::TrustSet> load_trust(const AuthorityOptions& options) {
  const fs::path file = options.trust_chain_file();
  std::error_code ignored;
  if (!fs::exists(file, ignored))
    return base::fail(
        base::Kind::invalid, "trust_chain.missing",
        "there is no trust chain at '" + file.string() +
            "', so the authority could not be recognised: fetch it with `countersign trust-chain --fingerprint SHA256 "
            "--out FILE`, where the provider tells you the fingerprint, and give --trust-chain FILE; or give --data "
            "DIR of a `countersign up`");
  BASE_TRY(TrustFile trust, read_trust_file(file));
  return trust::TrustSet::of_roots(std::move(trust.roots), std::move(trust.issuing_cas));
}

base::Result<tls::Credential> load_operator(const AuthorityOptions& options) {
  const fs::path folder = options.operator_credential.empty() ? fs::path(options.data) / "authority" / "operator"
                                                              : fs::path(options.operator_credential);
  std::error_code ignored;
  const bool as_requested = !fs::exists(folder / "admin.pem", ignored) && fs::exists(folder / "service.key", ignored);
  auto credential = as_requested ? tls::load_credential(folder / "service-chain.pem", folder / "service.key")
                                 : tls::load_credential(folder / "admin.pem", folder / "admin.key");
  if (credential) return credential;
  const bool missing = credential.error().kind == base::Kind::not_found;
  return base::unexpected(
      std::move(credential)
          .error()
          .under(missing ? "operator.missing" : "operator.unusable",
                 "no operator credential could be used from '" + folder.string() +
                     "': it is either admin.pem with admin.key, as the authority's first run makes them, or "
                     "service-chain.pem with service.key, as `countersign request service` does; give --data DIR or "
                     "--operator DIR"));
}

fs::path AuthorityOptions::trust_chain_file() const {
  return trust_chain.empty() ? fs::path(data) / "trust-chain.pem" : fs::path(trust_chain);
}

base::Result<net::Endpoint> AuthorityOptions::address() const {
  if (!authority.empty()) return net::Endpoint::parse(authority);
  std::error_code ignored;
  if (fs::exists(fs::path(data) / "countersign.toml", ignored)) return configured_address(data);
  return net::Endpoint::parse(kDefaultAuthority);
}

void add_authority_options(CLI::App& app, AuthorityOptions& options) {
  app.add_option("--data", options.data, "The data folder of `countersign up`")
      ->envname("COUNTERSIGN_DATA")
      ->type_name(kFolder)
      ->capture_default_str();
  app.add_option("--authority", options.authority,
                 "Where the authority's API is [from the data folder, else localhost:9443]")
      ->type_name("HOST:PORT");
  app.add_option("--trust-chain", options.trust_chain, "The provider's trust chain, PEM [DATA/trust-chain.pem]")
      ->type_name(kFile);
  app.add_flag("--json", options.json, "Print the answer as JSON");
}

void add_operator_options(CLI::App& app, AuthorityOptions& options) {
  add_authority_options(app, options);
  app.add_option("--operator", options.operator_credential,
                 "Folder with the operator's admin.pem and admin.key, or service-chain.pem and service.key "
                 "[DATA/authority/operator]")
      ->type_name(kFolder);
}

base::Result<ApiClient> open_api(const AuthorityOptions& options, const Context& context) {
  BASE_TRY(net::Endpoint authority, options.address());
  BASE_TRY(trust::TrustSet trust, load_trust(options));
  return ApiClient::make({.authority = std::move(authority), .trust = std::move(trust)}, context);
}

base::Result<ApiClient> open_api_as_operator(const AuthorityOptions& options, const Context& context) {
  BASE_TRY(const tls::Credential credential, load_operator(options));
  return open_api_with(options, credential, kDoorForOperators, context);
}

base::Result<ApiClient> open_api_with(const AuthorityOptions& options, const tls::Credential& credential,
                                      const Door& door, const Context& context) {
  BASE_TRY(net::Endpoint authority, options.address());
  BASE_TRY(trust::TrustSet trust, load_trust(options));
  return ApiClient::make(
      {.authority = std::move(authority), .trust = std::move(trust), .credential = &credential, .door = door}, context);
}

}  // namespace countersign::cli
