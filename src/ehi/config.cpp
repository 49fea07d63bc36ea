#include "ehi/config.h"

#include <algorithm>

#include "base/files.h"
#include "http/plain_server.h"

namespace countersign::ehi {
namespace {

using base::ConfigSection;

/// Where Debian keeps the public roots (package ca-certificates).
constexpr const char* kSystemRoots = "/etc/ssl/certs/ca-certificates.crt";
constexpr base::Duration kLongestDeadline = std::chrono::minutes(2);

tl::unexpected<base::Error> wrong(std::string detail) {
  return base::fail(base::Kind::invalid, "ehi.config", std::move(detail));
}

tl::unexpected<base::Error> wrong(base::Error cause, std::string detail) {
  return base::unexpected(std::move(cause).under("ehi.config", std::move(detail)));
}

base::Result<net::Endpoint> read_address(ConfigSection& section, std::string_view key, std::string_view otherwise) {
  BASE_TRY(const std::string text, section.text_or(key, otherwise));
  auto endpoint = net::Endpoint::parse(text);
  if (!endpoint) return wrong(std::move(endpoint).error(), "'" + section.path_of(key) + "' is not HOST:PORT");
  return endpoint;
}

base::Result<std::shared_ptr<const trust::TrustSet>> read_anchors(const std::filesystem::path& file) {
  BASE_TRY(const std::string pem, base::read_file(file));
  BASE_TRY(auto certificates, x509::Certificate::all_from_pem(pem));
  std::erase_if(certificates, [](const x509::Certificate& certificate) { return !certificate.is_ca(); });
  BASE_TRY(auto set, trust::TrustSet::of_roots(std::move(certificates), {}));
  return std::make_shared<const trust::TrustSet>(std::move(set));
}

base::Result<Endpoint> read_endpoint(ConfigSection& section, const std::filesystem::path& folder) {
  BASE_TRY(const std::string name_text, section.text("name"));
  BASE_TRY(auto name, base::Slug::parse(name_text));
  BASE_TRY(const std::string environment_text, section.text_or("environment", "production"));
  BASE_TRY(const auto environment, base::parse_environment(environment_text));
  if (environment == base::Environment::internal)
    return wrong("'" + section.path_of("environment") + "' must be uat or production");
  BASE_TRY(const std::string url_text, section.text("url"));
  auto url = http::Url::parse(url_text);
  if (!url) return wrong(std::move(url).error(), "'" + section.path_of("url") + "' is not a URL");
  if (!url->secure)
    return wrong("'" + section.path_of("url") + "' must start with https://: a partner is called over mutual TLS only");
  BASE_TRY(const auto deadline, section.duration_or("deadline", std::chrono::milliseconds(200)));
  if (deadline <= base::Duration::zero() || deadline > kLongestDeadline)
    return wrong("'" + section.path_of("deadline") + "' must be between 1ms and 2m");
  BASE_TRY(const std::string anchors_text, section.text_or("anchors", "system"));
  auto anchors = read_anchors(anchors_text == "system" ? std::filesystem::path(kSystemRoots) : folder / anchors_text);
  if (!anchors) return wrong(std::move(anchors).error(), "'" + section.path_of("anchors") + "' cannot be used");
  return Endpoint{std::move(name), environment, std::move(*url), deadline, std::move(*anchors)};
}

base::Result<void> read_endpoints(ConfigSection& section, const std::filesystem::path& folder, EhiConfig& config) {
  BASE_TRY(auto sections, section.sections("endpoints"));
  for (ConfigSection& endpoint_section : sections) {
    BASE_TRY(auto endpoint, read_endpoint(endpoint_section, folder));
    if (config.find(endpoint.name.text()) != nullptr)
      return wrong("there are two [[ehi.endpoints]] named '" + endpoint.name.text() + "'");
    config.endpoints.push_back(std::move(endpoint));
  }
  return {};
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
  BASE_TRY_VOID(read_endpoints(section, folder, config));
  BASE_TRY_VOID(top.finish());
  return config;
}

}  // namespace

const Endpoint* EhiConfig::find(std::string_view name) const {
  const auto found =
      std::ranges::find_if(endpoints, [&](const Endpoint& endpoint) { return endpoint.name.text() == name; });
  return found == endpoints.end() ? nullptr : &*found;
}

base::Result<EhiConfig> EhiConfig::load(const std::filesystem::path& file) {
  BASE_TRY(auto top, ConfigSection::load(file));
  return read(top, file.parent_path());
}

base::Result<EhiConfig> EhiConfig::parse(std::string_view text, const std::filesystem::path& folder) {
  BASE_TRY(auto top, ConfigSection::parse(text, "countersign.toml"));
  return read(top, folder);
}

}  // namespace countersign::ehi
