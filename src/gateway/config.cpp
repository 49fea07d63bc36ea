#include "gateway/config.h"

#include <algorithm>
#include <cctype>

#include "http/plain_server.h"
#include "net/configured_networks.h"

namespace countersign::gateway {
namespace {

using base::ConfigSection;

constexpr std::int64_t kMostWorkers = 256;
/// The follower's long poll is answered every 30 s at the latest.
constexpr base::Duration kLeastFeedAge = std::chrono::minutes(1);
constexpr std::int64_t kMostHandshakesPerSecond = 1'000'000;

tl::unexpected<base::Error> wrong(std::string detail) {
  return base::fail(base::Kind::invalid, "gateway.config", std::move(detail));
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

base::Result<policy::Access> read_whom(ConfigSection& section) {
  BASE_TRY(const std::string access, section.text_or("access", "policy"));
  for (const policy::Access one : {policy::Access::by_grant, policy::Access::any_partner, policy::Access::anyone})
    if (access == policy::name(one)) return one;
  return wrong("'" + section.path_of("access") +
               "' must be \"policy\" (whom a grant of the policy names), \"any_partner\" (every partner of this "
               "environment) or \"anyone\" (also who shows no certificate)");
}

/// Who gets to a route at all: what it asks of whoever calls, and at which listeners it is.
base::Result<void> read_access(ConfigSection& section, Route& route) {
  BASE_TRY(const std::string certificate, section.text_or("client_certificate", "required"));
  if (certificate != "required" && certificate != "optional")
    return wrong("'" + section.path_of("client_certificate") +
                 "' must be \"required\", or \"optional\" for a route that callers without a certificate may use, too");
  route.certificate_required = certificate == "required";
  BASE_TRY(route.listeners, section.texts("listeners"));
  BASE_TRY(route.access, read_whom(section));
  BASE_TRY(route.api_key, section.flag_or("api_key", false));
  const bool is_clear =
      route.certificate_required ? route.access != policy::Access::anyone : route.access != policy::Access::any_partner;
  if (!is_clear)
    return wrong("'" + section.path_of("access") + "' = \"" + std::string(policy::name(route.access)) +
                 "\" contradicts client_certificate = \"" + certificate +
                 "\": for callers without a certificate write client_certificate = \"optional\" and access = "
                 "\"anyone\", or have grants name anonymous; for partners alone write any_partner and leave the other "
                 "key out");
  return {};
}

/// The upstream of a route: the name of one, or an address.
base::Result<void> read_route_upstream(ConfigSection& section, const GatewayConfig& config, Route& route) {
  if (!section.has("upstream"))
    return wrong("'" + section.path_of("upstream") +
                 "' is missing: name an upstream, or the HOST:PORT of the REST service");
  BASE_TRY(const bool plain_allowed, section.flag_or("danger_plain_upstream", false));
  BASE_TRY(const std::string text, section.text_or("upstream", ""));
  if (is_upstream_name(text)) {
    if (std::ranges::find(config.upstreams, text, &UpstreamSettings::name) == config.upstreams.end())
      return wrong("'" + section.path_of("upstream") + "' names '" + text +
                   "', and there are no [[gateway.upstreams]] of that name");
    route.upstream_name = text;
    return {};
  }
  BASE_TRY(route.upstream, read_endpoint(section, "upstream", ""));
  route.danger_plain_upstream = !http::is_loopback(route.upstream);
  if (route.danger_plain_upstream && !plain_allowed)
    return wrong("'" + section.path_of("upstream") + "' is reached over plain HTTP, and '" +
                 route.upstream.to_string() +
                 "' is not this machine: make it one of [[gateway.upstreams]] with tls = true, or accept the risk with "
                 "danger_plain_upstream = true");
  return {};
}

/// What a token must be good for: `token = "required"`, `scopes`, `audience`.
base::Result<void> read_token(ConfigSection& section, Route& route) {
  BASE_TRY(const std::string token, section.text_or("token", "none"));
  BASE_TRY(const auto scope_texts, section.texts("scopes"));
  BASE_TRY(const std::string audience, section.text_or("audience", ""));
  if (token != "none" && token != "required")
    return wrong("'" + section.path_of("token") + "' must be \"required\", or left out");
  if (token == "none" && (!scope_texts.empty() || !audience.empty()))
    return wrong("'" + section.path_of(audience.empty() ? "scopes" : "audience") + "' needs token = \"required\"");
  if (token == "none") return {};
  auto scopes = oauth::Scopes::of(scope_texts);
  if (!scopes)
    return wrong("'" + section.path_of("scopes") + "' holds something that is no scope (RFC 6749 section 3.3)");
  if (!audience.empty() && !oauth::is_audience(audience))
    return wrong("'" + section.path_of("audience") + "' is no URI without a fragment (RFC 8707 section 2)");
  if (!route.certificate_required)
    return wrong("'" + section.path_of("token") +
                 "' = \"required\" contradicts client_certificate = \"optional\": a token is bound to a certificate");
  route.token = oauth::Demand{audience, std::move(*scopes)};
  return {};
}

/// An upgrade is one of HTTP/1.1 (RFC 9110 section 7.8); on HTTP/2 there is none, and the way around it (RFC 8441) is
/// not ours. Said here, for a WebSocket that works depending on what an address chose today is found out by its users.
base::Result<void> check_upgrade(const ConfigSection& section, const GatewayConfig& config, const Route& route) {
  const auto named = std::ranges::find(config.upstreams, route.upstream_name, &UpstreamSettings::name);
  if (!route.websocket || named == config.upstreams.end() || named->protocol == UpstreamProtocol::http1) return {};
  return wrong("'" + section.path_of("upgrade") + "' cannot be served by upstream '" + named->name +
               "', which speaks HTTP/2: a WebSocket begins with an upgrade of HTTP/1.1. Lead this route to another one "
               "of [[gateway.upstreams]] with the same addresses and protocol = \"http1\"");
}

base::Result<Route> read_route(ConfigSection& section, const GatewayConfig& config) {
  BASE_TRY(const std::string host, section.text_or("host", "*"));
  BASE_TRY(const std::string path, section.text_or("path", "/"));
  const bool host_good = host == "*" || host.find('*', 1) == std::string::npos;
  if (host.empty() || !host_good || (host.front() == '*' && host != "*" && !host.starts_with("*.")))
    return wrong("'" + section.path_of("host") + "' must be a host name, \"*.example.com\" or \"*\"");
  if (!path.starts_with('/') || path.find_first_of("?#% ") != std::string::npos)
    return wrong("'" + section.path_of("path") + "' must start with '/' and hold no '?', '#', '%' or space");
  Route route{lower(host), path, {}};
  BASE_TRY_VOID(read_route_upstream(section, config, route));
  BASE_TRY_VOID(read_access(section, route));
  BASE_TRY_VOID(read_token(section, route));
  BASE_TRY(const auto upgrades, section.texts("upgrade"));
  for (const std::string& upgrade : upgrades) {
    if (upgrade != "websocket") return wrong("'" + section.path_of("upgrade") + "' can only hold \"websocket\"");
    route.websocket = true;
  }
  BASE_TRY_VOID(check_upgrade(section, config, route));
  BASE_TRY(route.signatures, read_route_signatures(section));
  if (route.signatures && (route.websocket || !route.certificate_required))
    return wrong("'" + section.path_of("signatures") +
                 "' goes neither with upgrade, whose messages cannot be signed, nor with client_certificate = "
                 "\"optional\": a signature is that of a caller who is known");
  return route;
}

base::Result<void> read_routes(ConfigSection& section, GatewayConfig& config) {
  BASE_TRY(auto sections, section.sections("routes"));
  for (ConfigSection& route_section : sections) {
    BASE_TRY(auto route, read_route(route_section, config));
    config.routes.push_back(std::move(route));
  }
  const auto is_tcp = [](const SiteConfig* site) { return !site->tcp.upstream.empty(); };
  const bool only_tcp = std::ranges::all_of(
      config.listeners, [&](const auto& one) { return std::ranges::all_of(one.reachable(), is_tcp); });
  if (config.routes.empty() && !only_tcp)
    return wrong("there is no [[gateway.routes]]: nothing could be reached through the gateway");
  return {};
}

bool is_at(const Route& route, const ListenerConfig& listener) {
  return route.listeners.empty() || std::ranges::find(route.listeners, listener.name) != route.listeners.end();
}

/// Routes and listeners must know each other, and nobody is let in for nothing.
base::Result<void> check_routes(const GatewayConfig& config) {
  const auto is_listener = [&](const std::string& name) {
    return std::ranges::find(config.listeners, name, &ListenerConfig::name) != config.listeners.end();
  };
  for (const Route& route : config.routes)
    if (config.token_endpoint && (route.path == "/oauth2" || route.path.starts_with("/oauth2/")))
      return wrong("the route '" + route.path +
                   "' would never be reached: paths under /oauth2 are the token endpoint's; give that up with "
                   "gateway.token_endpoint = false, or choose another path");
  for (const Route& route : config.routes)
    for (const std::string& name : route.listeners)
      if (!is_listener(name))
        return wrong("a route names the listener '" + name + "' in 'gateway.routes.listeners', and there is none");
  for (const ListenerConfig& listener : config.listeners) {
    const bool serves_anybody = std::ranges::any_of(
        config.routes, [&](const Route& route) { return is_at(route, listener) && !route.certificate_required; });
    for (const SiteConfig* site : listener.reachable())
      if (site->client_certificate == tls::ClientCertificate::none && !serves_anybody)
        return wrong("the listener '" + listener.name + "' asks for no certificate under '" + site->name() +
                     "', and every route there demands one: give those that anybody may use client_certificate = "
                     "\"optional\"");
  }
  return {};
}

/// Sites whose bytes go on as they are must know where to.
base::Result<void> check_tcp(const GatewayConfig& config) {
  for (const ListenerConfig& listener : config.listeners)
    for (const SiteConfig* site : listener.reachable()) {
      if (site->tcp.upstream.empty()) continue;
      const auto of = "the listener '" + listener.name + "' sends what comes under '" + site->name() + "' to '" +
                      site->tcp.upstream + "', ";
      const auto named = std::ranges::find(config.upstreams, site->tcp.upstream, &UpstreamSettings::name);
      if (named == config.upstreams.end()) return wrong(of + "and there are no [[gateway.upstreams]] of that name");
      if (named->check)
        return wrong(of + "whose [gateway.upstreams.check] asks over HTTP, which is not spoken there: leave it out");
      if (named->protocol != UpstreamProtocol::http1)
        return wrong(of + "whose 'protocol' means HTTP/2, which is not spoken there: leave it out");
      if (site->tcp.access == policy::Access::by_grant && config.policy.empty())
        return wrong(of +
                     "for whom a grant names, and 'gateway.policy' names no file that grants anything: write one, "
                     "or let in every partner with tcp_access = \"any_partner\"");
    }
  return {};
}

/// One certificate has one responder.
base::Result<void> check_ocsp(const GatewayConfig& config) {
  std::vector<const SiteConfig*> sites;
  for (const ListenerConfig& listener : config.listeners)
    for (const SiteConfig* site : listener.reachable()) {
      for (const SiteConfig* other : sites)
        if (other->server_certificate == site->server_certificate && other->server_key == site->server_key &&
            !(other->ocsp == site->ocsp))
          return wrong("'" + other->name() + "' and '" + site->name() +
                       "' show the same certificate, and 'ocsp_stapling' or 'ocsp_responder' say different things of "
                       "it: say it once, in [gateway] or where 'server_certificate' is");
      sites.push_back(site);
    }
  return {};
}

base::Result<void> read_upstreams(ConfigSection& section, const std::filesystem::path& folder, GatewayConfig& config) {
  BASE_TRY(auto sections, section.sections("upstreams"));
  for (ConfigSection& upstream_section : sections) {
    BASE_TRY(auto upstream, read_upstream(upstream_section, folder, config.upstream_times()));
    if (std::ranges::find(config.upstreams, upstream.name, &UpstreamSettings::name) != config.upstreams.end())
      return wrong("there are two [[gateway.upstreams]] named '" + upstream.name + "'");
    config.upstreams.push_back(std::move(upstream));
  }
  return {};
}

base::Result<void> read_times(ConfigSection& section, GatewayConfig& config) {
  struct Time {
    std::string_view key;
    base::Duration* value;
  };
  for (const Time& time :
       {Time{"request_head_time", &config.request_head_time}, Time{"idle_time", &config.idle_time},
        Time{"body_time", &config.body_time}, Time{"upstream_connect_time", &config.upstream_connect_time},
        Time{"upstream_response_time", &config.upstream_response_time}, Time{"drain_time", &config.drain_time}}) {
    BASE_TRY(*time.value, section.duration_or(time.key, *time.value));
    if (*time.value <= base::Duration::zero())
      return wrong("'" + section.path_of(time.key) + "' must be longer than nothing");
  }
  return {};
}

base::Result<void> read_files(ConfigSection& section, const std::filesystem::path& folder, GatewayConfig& config) {
  BASE_TRY(const std::string data, section.text_or("data", "gateway"));
  BASE_TRY(const std::string trust_chain, section.text_or("trust_chain", "trust-chain.pem"));
  BASE_TRY(const std::string partner_chain, section.text_or("partner_chain", "partner-chain.pem"));
  BASE_TRY(const std::string policy, section.text_or("policy", ""));
  BASE_TRY(const std::string handover, section.text_or("handover", ""));
  if (!policy.empty()) config.policy = folder / policy;
  if (!handover.empty()) config.handover = folder / handover;
  config.data = folder / data;
  config.trust_chain = folder / trust_chain;
  config.partner_chain = folder / partner_chain;
  return {};
}

/// [gateway.signing]: the provider's own key, where responses are signed.
base::Result<void> read_signing(ConfigSection& section, const std::filesystem::path& folder, GatewayConfig& config) {
  const bool needed = std::ranges::any_of(
      config.routes, [](const Route& route) { return route.signatures && route.signatures->responses; });
  if (!section.has("signing")) {
    if (!needed) return {};
    return wrong("a route has 'signatures.responses' = \"signed\", and there is no [" + section.path_of("signing") +
                 "] with the provider's key");
  }
  BASE_TRY(auto signing, section.section("signing"));
  BASE_TRY(const std::string certificate, signing.text("certificate"));
  BASE_TRY(const std::string key, signing.text("key"));
  config.signing = feed::CredentialFiles{.key = folder / key, .chain = folder / certificate};
  return {};
}

/// Nothing is granted by a file that is not there: said at start, not request by request.
base::Result<void> check_policy(const ConfigSection& section, const GatewayConfig& config) {
  for (std::size_t i = 0; i < config.routes.size() && config.policy.empty(); ++i) {
    const std::string key = "'" + section.path_of("routes") + "[" + std::to_string(i + 1) + "].";
    if (config.routes[i].access == policy::Access::by_grant)
      return wrong(key + "access' is \"policy\", and '" + section.path_of("policy") +
                   "' names no file that grants anything: nobody could use this route. Write a policy file "
                   "(docs/policy.md), or let in every partner of this environment with access = \"any_partner\"");
    if (config.routes[i].api_key)
      return wrong(key + "api_key' demands a key, and '" + section.path_of("policy") +
                   "' names no file that holds any: nobody could use this route");
  }
  return {};
}

base::Result<GatewayConfig> read(ConfigSection& top, const std::filesystem::path& folder) {
  for (const std::string_view other : {"provider", "authority", "ehi"})
    top.leave_to_others(other);
  BASE_TRY(auto section, top.section("gateway"));
  GatewayConfig config;
  BASE_TRY_VOID(read_files(section, folder, config));
  SiteConfig defaults;
  BASE_TRY_VOID(read_site_basics(section, folder, defaults));
  BASE_TRY(config.listeners, read_listeners(section, defaults, folder));
  BASE_TRY(config.status, read_endpoint(section, "status", "127.0.0.1:9100"));
  BASE_TRY(config.authority, read_endpoint(section, "authority", "localhost:9444"));
  if (!http::is_loopback(config.status))
    return wrong("'" + section.path_of("status") + "' must be a loopback address: it is plain HTTP without a caller");
  BASE_TRY(const std::int64_t workers, section.integer_or("workers", 1));
  if (workers < 1 || workers > kMostWorkers) return wrong("'" + section.path_of("workers") + "' must be 1 to 256");
  config.workers = static_cast<std::size_t>(workers);
  BASE_TRY(const std::int64_t rate, section.integer_or("handshakes_per_second", 200));
  if (rate < 1 || rate > kMostHandshakesPerSecond)
    return wrong("'" + section.path_of("handshakes_per_second") + "' must be 1 to 1000000");
  config.handshakes_per_second = static_cast<std::size_t>(rate);
  BASE_TRY(config.access_log, section.flag_or("access_log", true));
  BASE_TRY(const std::int64_t sampled, section.integer_or("trace_sample_percent", config.trace_sample_percent));
  if (sampled < 0 || sampled > 100) return wrong("'" + section.path_of("trace_sample_percent") + "' must be 0 to 100");
  config.trace_sample_percent = static_cast<unsigned>(sampled);
  BASE_TRY(config.telemetry, read_telemetry(section, folder));
  BASE_TRY(config.ready_feed_age, section.duration_or("ready_feed_age", config.ready_feed_age));
  if (config.ready_feed_age > base::Duration::zero() && config.ready_feed_age < kLeastFeedAge)
    return wrong("'" + section.path_of("ready_feed_age") +
                 "' must be \"0s\" or at least 1m: where nothing happens, the authority answers twice a minute");
  BASE_TRY(config.proxies, net::read_networks(section, "proxy_protocol_from"));
  BASE_TRY(config.token_endpoint, section.flag_or("token_endpoint", true));
  BASE_TRY(config.http2, section.flag_or("http2", true));
  BASE_TRY_VOID(read_times(section, config));
  BASE_TRY_VOID(read_upstreams(section, folder, config));
  BASE_TRY_VOID(read_routes(section, config));
  BASE_TRY_VOID(read_signing(section, folder, config));
  BASE_TRY_VOID(check_routes(config));
  BASE_TRY_VOID(check_tcp(config));
  BASE_TRY_VOID(check_ocsp(config));
  BASE_TRY_VOID(top.finish());
  BASE_TRY_VOID(check_policy(section, config));
  return config;
}

base::Result<GatewayConfig> read_or_explain(ConfigSection& top, const std::filesystem::path& folder) {
  auto config = read(top, folder);
  if (config) return config;
  return base::unexpected(top.explain(std::move(config).error()));
}

}  // namespace

base::Result<GatewayConfig> GatewayConfig::load(const std::filesystem::path& file) {
  BASE_TRY(auto top, ConfigSection::load(file));
  return read_or_explain(top, file.parent_path());
}

base::Result<GatewayConfig> GatewayConfig::parse(std::string_view text, const std::filesystem::path& folder) {
  BASE_TRY(auto top, ConfigSection::parse(text, "countersign.toml"));
  return read_or_explain(top, folder);
}

}  // namespace countersign::gateway
