#include "gateway/listener_config.h"

#include <algorithm>
#include <set>

#include "gateway/host_name.h"
#include "http/strict_transport.h"
#include "tls/site.h"

namespace countersign::gateway {
namespace {

using base::ConfigSection;
using tls::ClientCertificate;

constexpr std::size_t kMostListeners = 32;
constexpr std::size_t kMostNames = 256;  ///< of a listener
constexpr std::size_t kLongestListenerName = 32;

tl::unexpected<base::Error> wrong(const ConfigSection& section, std::string_view key, std::string_view how) {
  return base::fail(base::Kind::invalid, "gateway.config", "'" + section.path_of(key) + "' " + std::string(how));
}

base::Result<ClientCertificate> read_mode(ConfigSection& section, ClientCertificate otherwise) {
  if (!section.has("client_certificate")) return otherwise;
  BASE_TRY(const std::string text, section.text("client_certificate"));
  if (text == "required") return ClientCertificate::required;
  if (text == "optional") return ClientCertificate::optional;
  if (text == "none") return ClientCertificate::none;
  return wrong(section, "client_certificate", "must be \"required\", \"optional\" or \"none\"");
}

constexpr base::Duration kLongestTime = std::chrono::hours(24 * 365);

/// A site whose connections go on as bytes. Who comes in must be known: nobody else could be asked for by a policy.
base::Result<void> read_tcp(ConfigSection& section, SiteConfig& site) {
  site.tcp = {};
  BASE_TRY(site.tcp.upstream, section.text_or("tcp_upstream", ""));
  const bool other_keys =
      section.has("tcp_access") || section.has("tcp_idle_time") || section.has("tcp_connection_time");
  if (site.tcp.upstream.empty() && other_keys)
    return wrong(section, "tcp_upstream", "is missing: the other tcp_ keys say how its connections are");
  BASE_TRY(const std::string access, section.text_or("tcp_access", "policy"));
  if (access != "policy" && access != "any_partner")
    return wrong(section, "tcp_access", "must be \"policy\" (whom a grant names) or \"any_partner\"");
  site.tcp.access = access == "policy" ? policy::Access::by_grant : policy::Access::any_partner;
  BASE_TRY(site.tcp.idle_time, section.duration_or("tcp_idle_time", site.tcp.idle_time));
  BASE_TRY(site.tcp.connection_time, section.duration_or("tcp_connection_time", site.tcp.connection_time));
  if (site.tcp.idle_time <= base::Duration::zero() || site.tcp.idle_time > kLongestTime)
    return wrong(section, "tcp_idle_time", "must be longer than nothing, and at most 365d");
  if (site.tcp.connection_time < base::Duration::zero() || site.tcp.connection_time > kLongestTime)
    return wrong(section, "tcp_connection_time", "must be 0s (as long as the certificate) to 365d");
  if (!site.tcp.upstream.empty() && site.client_certificate != ClientCertificate::required)
    return wrong(section, "tcp_upstream",
                 "needs client_certificate = \"required\": bytes carry no other proof of who sends them");
  return {};
}

base::Result<void> read_site(ConfigSection& section, const std::filesystem::path& folder, SiteConfig& site) {
  BASE_TRY(site.client_certificate, read_mode(section, site.client_certificate));
  BASE_TRY_VOID(read_site_basics(section, folder, site));
  BASE_TRY(const std::string trust, section.text_or("trust", ""));
  if (!trust.empty()) site.trust = folder / trust;
  BASE_TRY_VOID(read_tcp(section, site));
  if (!site.tcp.upstream.empty() && section.has("strict_transport_security"))
    return wrong(section, "strict_transport_security",
                 "is a field of HTTP, which is not spoken where there is a tcp_upstream");
  return {};
}

/// SiteConfig::name() of the site for all other names; sites are told apart by that.
constexpr std::string_view kOtherNames = "other";

base::Result<void> read_names(ConfigSection& section, SiteConfig& site) {
  BASE_TRY(site.names, section.texts("names"));
  if (site.names.empty())
    return wrong(section, "names", "is missing: say for which names this is, such as [\"uat.example.com\"]");
  for (std::string& name : site.names) {
    if (!is_host_pattern(name) || name == "*")
      return wrong(section, "names", "must hold host names or \"*.example.com\", and '" + name + "' is neither");
    name = tls::canonical_name(name);
    if (name == kOtherNames)
      return wrong(section, "names", "must not hold \"other\": so records call the names that no site has");
  }
  return {};
}

base::Result<void> read_sites(ConfigSection& section, const std::filesystem::path& folder, ListenerConfig& listener) {
  BASE_TRY(auto sections, section.sections("sites"));
  std::set<std::string> taken;
  for (ConfigSection& one : sections) {
    SiteConfig site = listener.other;
    BASE_TRY_VOID(read_names(one, site));
    for (const std::string& name : site.names)
      if (!taken.insert(name).second)
        return wrong(one, "names", "names '" + name + "' a second time: one name has one answer");
    BASE_TRY_VOID(read_site(one, folder, site));
    listener.sites.push_back(std::move(site));
  }
  if (taken.size() > kMostNames) return wrong(section, "sites", "hold more than 256 names");
  return {};
}

/// Other names are refused where there are sites, and served where there are none, unless it is said.
base::Result<void> read_other_names(ConfigSection& section, ListenerConfig& listener) {
  BASE_TRY(const std::string text, section.text_or("other_names", listener.sites.empty() ? "serve" : "refuse"));
  if (text != "serve" && text != "refuse") return wrong(section, "other_names", "must be \"serve\" or \"refuse\"");
  listener.refuses_other_names = text == "refuse";
  if (listener.refuses_other_names && listener.sites.empty())
    return wrong(section, "other_names", "is \"refuse\" and there are no sites: nobody could come in");
  return {};
}

bool is_listener_name(const std::string& name) {
  return !name.empty() && name.size() <= kLongestListenerName &&
         std::ranges::all_of(name, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
}

base::Result<ListenerConfig> read_listener(ConfigSection& section, const SiteConfig& defaults,
                                           const std::filesystem::path& folder) {
  ListenerConfig listener;
  listener.other = defaults;
  BASE_TRY(listener.name, section.text_or("name", ""));
  if (!is_listener_name(listener.name))
    return wrong(section, "name", "must be 1 to 32 of a-z, 0-9 and '-': records and metrics go by it");
  if (!section.has("listen")) return wrong(section, "listen", "is missing: say at which HOST:PORT");
  BASE_TRY(listener.listen, read_endpoint(section, "listen", ""));
  BASE_TRY(const std::string resumption, section.text_or("resumption", "off"));
  if (resumption != "off" && resumption != "stateful")
    return wrong(section, "resumption", "must be \"off\" or \"stateful\"");
  if (resumption == "stateful") listener.resumption = tls::Resumption::stateful;
  BASE_TRY_VOID(read_site(section, folder, listener.other));
  BASE_TRY_VOID(read_sites(section, folder, listener));
  BASE_TRY_VOID(read_other_names(section, listener));
  return listener;
}

base::Result<ListenerConfig> read_only_listener(ConfigSection& gateway, const SiteConfig& defaults) {
  ListenerConfig listener;
  listener.other = defaults;
  BASE_TRY(listener.listen, read_endpoint(gateway, "listen", "0.0.0.0:8443"));
  return listener;
}

}  // namespace

base::Result<net::Endpoint> read_endpoint(ConfigSection& section, std::string_view key, std::string_view otherwise) {
  BASE_TRY(const std::string text, section.text_or(key, otherwise));
  auto endpoint = net::Endpoint::parse(text);
  if (!endpoint)
    return base::unexpected(
        std::move(endpoint).error().under("gateway.config", "'" + section.path_of(key) + "' is not HOST:PORT"));
  return endpoint;
}

namespace {

base::Result<void> read_strict_transport(ConfigSection& section, SiteConfig& site) {
  BASE_TRY(site.strict_transport, section.text_or("strict_transport_security", site.strict_transport));
  if (site.strict_transport.empty()) return {};
  auto usable = http::parse_strict_transport(site.strict_transport);
  if (!usable) return wrong(section, "strict_transport_security", "cannot be sent: " + usable.error().detail);
  site.strict_transport = std::move(*usable);
  return {};
}

}  // namespace

base::Result<void> read_site_basics(ConfigSection& section, const std::filesystem::path& folder, SiteConfig& site) {
  BASE_TRY(const std::string certificate, section.text_or("server_certificate", ""));
  BASE_TRY(const std::string key, section.text_or("server_key", ""));
  if (certificate.empty() != key.empty())
    return wrong(section, "server_certificate",
                 "and '" + section.path_of("server_key") + "' go together: set both or neither");
  if (!certificate.empty()) {
    site.server_certificate = folder / certificate;
    site.ocsp = {};  // what was said above was said of another one
  }
  if (!key.empty()) site.server_key = folder / key;
  BASE_TRY_VOID(read_ocsp(section, site.ocsp));
  BASE_TRY_VOID(read_strict_transport(section, site));
  BASE_TRY(const std::string environment, section.text_or("environment", base::name(site.environment)));
  auto parsed = base::parse_environment(environment);
  if (!parsed || *parsed == base::Environment::internal)
    return wrong(section, "environment",
                 "must be uat or production: the platform's own certificates open no partner API");
  site.environment = *parsed;
  return {};
}

base::Result<std::vector<ListenerConfig>> read_listeners(ConfigSection& gateway, const SiteConfig& defaults,
                                                         const std::filesystem::path& folder) {
  BASE_TRY(auto sections, gateway.sections("listeners"));
  std::vector<ListenerConfig> listeners;
  if (sections.empty()) {
    BASE_TRY(auto only, read_only_listener(gateway, defaults));
    listeners.push_back(std::move(only));
    return listeners;
  }
  if (gateway.has("listen"))
    return wrong(gateway, "listen",
                 "and [[gateway.listeners]] both say where to listen: move the address into a listener of its own");
  if (sections.size() > kMostListeners) return wrong(gateway, "listeners", "are more than 32");
  for (ConfigSection& section : sections) {
    BASE_TRY(auto listener, read_listener(section, defaults, folder));
    for (const ListenerConfig& other : listeners) {
      if (other.name == listener.name) return wrong(section, "name", "is the name of two listeners");
      if (other.listen == listener.listen && listener.listen.port != 0)
        return wrong(section, "listen", "is the address of two listeners: give one of them sites instead");
    }
    listeners.push_back(std::move(listener));
  }
  return listeners;
}

std::vector<const SiteConfig*> ListenerConfig::reachable() const {
  std::vector<const SiteConfig*> all;
  for (const SiteConfig& site : sites)
    all.push_back(&site);
  if (!refuses_other_names) all.push_back(&other);
  return all;
}

std::string door_of(const ListenerConfig& listener) {
  return listener.listen.port == 0 ? "name " + listener.name : listener.listen.to_string();
}

std::string_view tls_word(ClientCertificate mode) {
  switch (mode) {
    case ClientCertificate::required: return "mutual";
    case ClientCertificate::optional: return "optional";
    case ClientCertificate::none: return "one-way";
  }
  return "";
}

std::string_view tls_word(const ListenerConfig& listener) {
  const auto sites = listener.reachable();
  const ClientCertificate first = sites.front()->client_certificate;
  const bool alike = std::ranges::all_of(sites, [&](const SiteConfig* s) { return s->client_certificate == first; });
  return alike ? tls_word(first) : "by name";
}

}  // namespace countersign::gateway
