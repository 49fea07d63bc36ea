#include "cli/provision.h"

#include <algorithm>

#include "base/files.h"
#include "cli/application_ref.h"
#include "cli/enrolment.h"
#include "cli/trust_file.h"
#include "feed/renewal.h"
#include "trust/verdict.h"

namespace countersign::cli {
namespace {

namespace fs = std::filesystem;
namespace json = base::json;

struct Need {
  std::string_view application;  ///< ENV/ORG/APP
  trust::Purpose purpose;
  feed::CredentialFiles files;
};

std::vector<Need> needs_of(const UpConfig& config) {
  using trust::Purpose;
  const auto in = feed::CredentialFiles::in;
  return {{"internal/service/gateway", Purpose::service, in(config.gateway_data, "service")},
          {"internal/service/gateway", Purpose::server, in(config.gateway_data, "server")},
          {"internal/service/ehi", Purpose::service, in(config.ehi_data, "service")},
          {"internal/service/ehi", Purpose::server, in(config.ehi_data, "server")},
          {"uat/provider/ehi", Purpose::ehi, in(config.ehi_data, "ehi-uat")},
          {"production/provider/ehi", Purpose::ehi, in(config.ehi_data, "ehi-production")}};
}

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

std::string path_of(const base::Identity& identity) { return "/v1/applications/" + to_ref(identity); }

/// Registers the application, or gives one that is there the server names of today.
base::Result<void> ensure_application(ApiClient& authority, const base::Identity& identity, const UpConfig& config) {
  json::object body{{"environment", base::name(identity.environment)},
                    {"organisation", identity.organisation.text()},
                    {"application", identity.application.text()}};
  json::object names;
  if (identity.environment == base::Environment::internal)
    names["server_names"] = json::array(config.server_names.begin(), config.server_names.end());
  body.insert(names.begin(), names.end());
  auto done = authority.post("/v1/applications", body);
  const bool is_there = !done && done.error().kind == base::Kind::conflict;
  if (is_there && !names.empty()) done = authority.post(path_of(identity) + "/server-names", names);
  if (done || (is_there && names.empty())) return {};
  return base::unexpected(std::move(done).error());
}

base::Result<std::string> make_code(ApiClient& authority, const base::Identity& identity, trust::Purpose purpose) {
  const json::object body{{"purposes", json::array{trust::name(purpose)}}, {"life", "10m"}};
  BASE_TRY(const json::object answer, authority.post(path_of(identity) + "/enrolment-codes", body));
  const json::value value(answer);
  BASE_TRY(base::JsonReader reader, base::JsonReader::of(value));
  return reader.text("code");
}

base::Result<void> obtain(ApiClient& authority, const Need& need, const base::Identity& identity,
                          const Context& context) {
  BASE_TRY(const std::string code, make_code(authority, identity, need.purpose));
  // Kept where replace() puts it first, so that a request that waits for approval is asked for again.
  BASE_TRY(const KeyFile key, open_or_make_key(need.files.key.string() + ".next", crypto::PrivateKey::Kind::p256));
  BASE_TRY(std::string csr, x509::Csr::make_pem(key.key, {identity.application.text(), {}, {}}));
  const Enrolment enrolment{
      .code = code, .purpose = need.purpose, .csr = std::move(csr), .key = key.key.public_key(), .expected = identity};
  BASE_TRY(const Outcome outcome, enrol(authority, enrolment, context));
  if (const auto* pending = std::get_if<Pending>(&outcome))
    return base::fail(base::Kind::unavailable, "provision.pending",
                      "the certificate of " + to_ref(identity) + " waits for approval: have " +
                          std::to_string(pending->needed) + " operators approve request " + pending->request +
                          " (`countersign admin requests approve`), then start again");
  const auto& issued = std::get<Issued>(outcome);
  BASE_TRY(const base::Secret pem, key.key.to_pem());
  return feed::replace(need.files, pem, issued.chain_pem());
}

/// Nothing where the credential can be used; else why another one is needed.
std::optional<std::string> why_needed(const Need& need, const base::Identity& identity, const UpConfig& config,
                                      const trust::TrustSet& trust, base::Instant now) {
  if (!fs::exists(need.files.chain)) return "the first";
  auto credential = feed::load(need.files);
  if (!credential) return "the old one is unusable: " + credential.error().detail;
  auto verdict = trust::verify_chain(credential->chain, {.purposes = {need.purpose}}, trust, now);
  if (!verdict) return "the old one would be refused: " + std::string(trust::name(verdict.error().reason));
  if (verdict->identity() != identity) return "the old one is another application's";
  if (need.purpose == trust::Purpose::server)
    if (const auto unnamed = first_unnamed(verdict->leaf(), config.server_names))
      return "the old one does not name '" + *unnamed + "'";
  if (feed::is_due(verdict->leaf(), now)) return "the old one ends at " + base::to_rfc3339(verdict->leaf().not_after());
  return std::nullopt;
}

constexpr const char* kProviderChain = "trust-chain.pem";
constexpr const char* kPartnerChain = "partner-chain.pem";

base::Result<trust::TrustSet> local_trust(const UpConfig& config) {
  BASE_TRY(TrustFile trust, read_trust_file(config.authority_data.parent_path() / kProviderChain));
  return trust::TrustSet::of_roots(std::move(trust.roots), std::move(trust.issuing_cas));
}

/// A client of the authority that runs on this machine, recognised by the trust chain that it left in the file system.
/// Proves to be the operator.
base::Result<ApiClient> open_local_authority(const UpConfig& config, const net::Endpoint& api, const Context& context) {
  BASE_TRY(trust::TrustSet trust, local_trust(config));
  const fs::path folder = config.authority_data / "operator";
  BASE_TRY(const tls::Credential credential, tls::load_credential(folder / "admin.pem", folder / "admin.key"));
  return ApiClient::make({.authority = api,
                          .trust = std::move(trust),
                          .credential = &credential,
                          .server_name = name_to_call(config.server_names),
                          .door = kDoorForOperators},
                         context);
}

struct Due {
  Need need;
  base::Identity identity;
};

/// What must be obtained; says why on context.err.
base::Result<std::vector<Due>> find_due(const UpConfig& config, Context& context) {
  BASE_TRY(const trust::TrustSet trust, local_trust(config));
  std::vector<Due> due;
  for (const Need& need : needs_of(config)) {
    BASE_TRY(base::Identity identity, parse_application(need.application));
    const auto why = why_needed(need, identity, config, trust, context.clock.now());
    if (!why) continue;
    context.err << "  certificate for " << need.application << " (" << trust::name(need.purpose) << "): " << *why
                << "\n";
    due.push_back({need, std::move(identity)});
  }
  return due;
}

}  // namespace

std::optional<std::string> first_unnamed(const x509::Certificate& certificate, const std::vector<std::string>& names) {
  const std::vector<std::string>& dns = certificate.subject_alt_names().dns;
  for (const std::string& name : names) {
    const bool stands_there =
        name.starts_with("*.") ? std::ranges::find(dns, lower(name)) != dns.end() : certificate.matches_host(name);
    if (!stands_there) return name;
  }
  return std::nullopt;
}

std::string name_to_call(const std::vector<std::string>& names) {
  for (const std::string& name : names)
    if (!name.starts_with("*.")) return name;
  return "authority" + names.front().substr(1);
}

base::Result<void> copy_trust_chains(const UpConfig& config, const fs::path& data) {
  const fs::path source = config.authority_data.parent_path();
  std::error_code ignored;
  if (fs::equivalent(source, data, ignored)) return {};
  for (const char* name : {kProviderChain, kPartnerChain}) {
    BASE_TRY(const std::string pem, base::read_file(source / name));
    BASE_TRY_VOID(base::write_file(data / name, pem, base::FileMode::world_readable));
  }
  return {};
}

base::Result<void> provision(const net::Endpoint& api, const UpConfig& config, Context& context) {
  BASE_TRY(const std::vector<Due> due, find_due(config, context));
  if (due.empty()) return {};
  for (const fs::path& folder : {config.gateway_data, config.ehi_data})
    BASE_TRY_VOID(base::make_folder(folder));
  BASE_TRY(ApiClient authority, open_local_authority(config, api, context));
  for (const Due& one : due) {
    BASE_TRY_VOID(ensure_application(authority, one.identity, config));
    BASE_TRY_VOID(obtain(authority, one.need, one.identity, context));
  }
  return {};
}

}  // namespace countersign::cli
