#include "ehi/config.h"

#include <algorithm>

#include "ehi/config_error.h"
#include "http/plain_server.h"

namespace countersign::ehi {
namespace {

using base::ConfigSection;

base::Result<net::Endpoint> read_address(ConfigSection& section, std::string_view key, std::string_view otherwise) {
  BASE_TRY(const std::string text, section.text_or(key, otherwise));
  auto endpoint = net::Endpoint::parse(text);
  if (!endpoint) return wrong(std::move(endpoint).error(), "'" + section.path_of(key) + "' is not HOST:PORT");
  return endpoint;
}

/// "service/NAME" and "operator/NAME": who they are under `internal`.
base::Result<std::vector<std::string>> read_people(ConfigSection& section, std::string_view key) {
  BASE_TRY(auto people, section.texts(key));
  for (const std::string& one : people) {
    const std::size_t slash = one.find('/');
    const std::string organisation = one.substr(0, slash);
    const bool known = organisation == "service" || organisation == "operator";
    if (!known || slash == std::string::npos || !base::Slug::parse(one.substr(slash + 1)))
      return wrong("'" + section.path_of(key) + "': '" + one + "' is not service/NAME or operator/NAME");
  }
  return people;
}

base::Result<void> read_endpoints(ConfigSection& section, const std::filesystem::path& folder, EhiConfig& config) {
  BASE_TRY(auto sections, section.sections("endpoints"));
  for (ConfigSection& endpoint_section : sections) {
    BASE_TRY(auto endpoint, read_endpoint(endpoint_section, folder));
    BASE_TRY(endpoint.callers, read_people(endpoint_section, "callers"));
    if (config.find(endpoint.name.text()) != nullptr)
      return wrong("there are two [[ehi.endpoints]] named '" + endpoint.name.text() + "'");
    config.endpoints.push_back(std::move(endpoint));
  }
  return {};
}

base::Result<std::optional<postgres::Address>> read_outbox(ConfigSection& section, postgres::Peer peer) {
  BASE_TRY(const std::string uri, section.text_or("outbox", ""));
  if (uri.empty()) return std::optional<postgres::Address>();
  const postgres::Use use{.what = "the outbox",
                          .code = "outbox.location",
                          .danger = "danger_unverified_outbox = true in [ehi]",
                          .program = "countersign-ehi"};
  auto address = postgres::parse_address(uri, peer, use);
  if (!address)
    return wrong(std::move(address).error(), "'" + section.path_of("outbox") + "' does not name a PostgreSQL database");
  return std::optional(std::move(*address));
}

base::Result<EhiConfig> read(ConfigSection& top, const std::filesystem::path& folder) {
  for (const std::string_view other : {"provider", "authority", "gateway"})
    top.leave_to_others(other);
  BASE_TRY(auto section, top.section("ehi"));
  EhiConfig config;
  BASE_TRY(const std::string data, section.text_or("data", "ehi"));
  BASE_TRY(const std::string trust_chain, section.text_or("trust_chain", "trust-chain.pem"));
  config.data = folder / data;
  config.trust_chain = folder / trust_chain;
  BASE_TRY(config.listen, read_address(section, "listen", "127.0.0.1:7080"));
  BASE_TRY(config.status, read_address(section, "status", "127.0.0.1:9102"));
  BASE_TRY(config.authority, read_address(section, "authority", "localhost:9444"));
  if (!http::is_loopback(config.status)) return wrong("'" + section.path_of("status") + "' must be a loopback address");
  BASE_TRY(config.drain_time, section.duration_or("drain_time", config.drain_time));
  BASE_TRY(config.connection_age, section.duration_or("connection_age", config.connection_age));
  if (config.connection_age < std::chrono::seconds(1) || config.connection_age > std::chrono::hours(24))
    return wrong("'" + section.path_of("connection_age") + "' must be between 1s and 24h");
  BASE_TRY(config.standby_certificates, section.flag_or("standby_certificates", false));
  BASE_TRY(config.outbox_viewers, read_people(section, "outbox_viewers"));
  BASE_TRY(config.outbox_operators, read_people(section, "outbox_operators"));
  BASE_TRY(config.danger_unverified_outbox, section.flag_or("danger_unverified_outbox", false));
  using postgres::Peer;
  BASE_TRY(config.outbox,
           read_outbox(section, config.danger_unverified_outbox ? Peer::danger_anybody : Peer::verified));
  BASE_TRY(config.outbox_messages, read_number(section, "outbox_messages", config.outbox_messages, {1, 100'000'000}));
  BASE_TRY_VOID(read_endpoints(section, folder, config));
  BASE_TRY_VOID(top.finish());
  return config;
}

base::Result<EhiConfig> read_or_explain(ConfigSection& top, const std::filesystem::path& folder) {
  auto config = read(top, folder);
  if (config) return config;
  return base::unexpected(top.explain(std::move(config).error()));
}

}  // namespace

std::string short_name(const base::Identity& identity) {
  return identity.organisation.text() + "/" + identity.application.text();
}

const Endpoint* EhiConfig::find(std::string_view name) const {
  const auto found =
      std::ranges::find_if(endpoints, [&](const Endpoint& endpoint) { return endpoint.name.text() == name; });
  return found == endpoints.end() ? nullptr : &*found;
}

base::Result<EhiConfig> EhiConfig::load(const std::filesystem::path& file) {
  BASE_TRY(auto top, ConfigSection::load(file));
  return read_or_explain(top, file.parent_path());
}

base::Result<EhiConfig> EhiConfig::parse(std::string_view text, const std::filesystem::path& folder) {
  BASE_TRY(auto top, ConfigSection::parse(text, "countersign.toml"));
  return read_or_explain(top, folder);
}

}  // namespace countersign::ehi
