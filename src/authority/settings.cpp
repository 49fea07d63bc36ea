#include "authority/settings.h"

#include "authority/registry/server_names.h"
#include "base/config_path.h"

namespace countersign::authority {
namespace {

namespace fs = std::filesystem;
using base::Kind;

base::Result<net::Endpoint> read_endpoint(base::ConfigSection& section, std::string_view key,
                                          std::string_view otherwise) {
  BASE_TRY(const std::string text, section.text_or(key, otherwise));
  auto endpoint = net::Endpoint::parse(text);
  if (!endpoint)
    return base::unexpected(std::move(endpoint).error().under(
        "config.endpoint", "'" + section.path_of(key) + "' is not an address to listen on"));
  return endpoint;
}

base::Result<std::vector<std::string>> read_server_names(base::ConfigSection& section) {
  if (!section.has("server_names")) return std::vector<std::string>{"localhost", "127.0.0.1"};
  BASE_TRY(const auto texts, section.texts("server_names"));
  if (texts.empty())
    return base::fail(Kind::invalid, "config.value",
                      "'" + section.path_of("server_names") + "' must name the authority at least once");
  auto names = parse_server_names(texts);
  if (!names)
    return base::unexpected(
        std::move(names).error().under("config.value", "'" + section.path_of("server_names") + "' does not parse"));
  return names;
}

base::Result<std::optional<store::Location>> read_registry(base::ConfigSection& section, store::Location::Peer peer) {
  BASE_TRY(const std::string uri, section.text_or("registry", ""));
  if (uri.empty()) return std::nullopt;
  auto location = store::Location::parse(uri, peer);
  if (!location)
    return base::unexpected(std::move(location).error().under(
        "config.value", "'" + section.path_of("registry") + "' does not name a PostgreSQL database"));
  return std::optional(std::move(*location));
}

base::Result<StatusUrls> read_status_url(base::ConfigSection& section, const net::Endpoint& listen) {
  BASE_TRY(const std::string text, section.text_or("status_url", ""));
  const bool everywhere = listen.host == "0.0.0.0" || listen.host == "::";
  if (text.empty() && everywhere)
    return base::fail(Kind::invalid, "config.value",
                      "'" + section.path_of("status_url") + "' must be set when '" + section.path_of("status_listen") +
                          "' is no address of its own: certificates name it, such as http://pki.example.com");
  if (text.empty()) return StatusUrls();
  auto urls = StatusUrls::parse(text);
  if (!urls)
    return base::unexpected(
        std::move(urls).error().under("config.value", "'" + section.path_of("status_url") + "' is not usable"));
  return urls;
}

}  // namespace

base::Result<Settings> Settings::load(const fs::path& file) {
  BASE_TRY(auto document, base::ConfigSection::load(file));
  auto settings = read(document, file.has_parent_path() ? file.parent_path() : ".");
  if (settings) return settings;
  return base::unexpected(document.explain(std::move(settings).error()));
}

base::Result<Settings> Settings::read(base::ConfigSection& document, const fs::path& folder) {
  BASE_TRY(auto provider, document.section("provider"));
  BASE_TRY(auto section, document.section("authority"));
  for (const char* others : {"gateway", "ehi"})
    document.leave_to_others(others);
  Settings settings;
  BASE_TRY(settings.provider, provider.text_or("name", "Example Payments"));
  BASE_TRY(const std::string data, section.text_or("data", "authority"));
  settings.data = base::resolve_path(folder, data);
  BASE_TRY(settings.api, read_endpoint(section, "api", "127.0.0.1:9443"));
  BASE_TRY(settings.internal, read_endpoint(section, "internal", "127.0.0.1:9444"));
  BASE_TRY(settings.status_listen, read_endpoint(section, "status_listen", "127.0.0.1:9080"));
  BASE_TRY(settings.status_url, read_status_url(section, settings.status_listen));
  BASE_TRY(settings.server_names, read_server_names(section));
  BASE_TRY(settings.passphrase_file, base::read_path(section, "passphrase_file", folder));
  BASE_TRY(settings.ceremony, base::read_path(section, "ceremony", folder));
  BASE_TRY(const base::Duration life, read_life(section, "certificate_life", kDefaultCertificateLife));
  BASE_TRY(auto profiles, section.sections("profiles"));
  BASE_TRY(settings.policy, IssuancePolicy::read(std::move(profiles), life));
  BASE_TRY(settings.danger_unverified_registry, section.flag_or("danger_unverified_registry", false));
  using Peer = store::Location::Peer;
  const Peer peer = settings.danger_unverified_registry ? Peer::danger_anybody : Peer::verified;
  BASE_TRY(settings.registry, read_registry(section, peer));
  BASE_TRY(settings.notices, NoticeSettings::read(section, folder));
  BASE_TRY(settings.ehi_checks, EhiCheckSettings::read(section, folder));
  BASE_TRY(settings.oauth, OauthSettings::read(section, settings.server_names));
  BASE_TRY(settings.token, TokenSettings::read(section, folder));
  BASE_TRY(settings.danger_open_files, section.flag_or("danger_open_files", false));
  BASE_TRY_VOID(document.finish());
  return settings;
}

}  // namespace countersign::authority
