#include "gateway/config.h"

#include <algorithm>

#include "http/plain_server.h"

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

base::Result<net::Endpoint> read_endpoint(ConfigSection& section, std::string_view key, std::string_view otherwise) {
  BASE_TRY(const std::string text, section.text_or(key, otherwise));
  auto endpoint = net::Endpoint::parse(text);
  if (!endpoint)
    return base::unexpected(
        std::move(endpoint).error().under("gateway.config", "'" + section.path_of(key) + "' is not HOST:PORT"));
  return endpoint;
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
  BASE_TRY(const auto upgrades, section.texts("upgrade"));
  for (const std::string& upgrade : upgrades) {
    if (upgrade != "websocket") return wrong("'" + section.path_of("upgrade") + "' can only hold \"websocket\"");
    route.websocket = true;
  }
  return route;
}

base::Result<void> read_routes(ConfigSection& section, GatewayConfig& config) {
  BASE_TRY(auto sections, section.sections("routes"));
  for (ConfigSection& route_section : sections) {
    BASE_TRY(auto route, read_route(route_section, config));
    config.routes.push_back(std::move(route));
  }
  if (config.routes.empty())
    return wrong("there is no [[gateway.routes]]: nothing could be reached through the gateway");
  return {};
}

base::Result<std::vector<net::Cidr>> read_networks(ConfigSection& section, std::string_view key) {
  BASE_TRY(const auto texts, section.texts(key));
  std::vector<net::Cidr> networks;
  for (const std::string& text : texts) {
    auto network = net::Cidr::parse(text);
    if (!network) return wrong("'" + section.path_of(key) + "': " + network.error().detail);
    networks.push_back(std::move(*network));
  }
  return networks;
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
  BASE_TRY(const std::string certificate, section.text_or("server_certificate", ""));
  BASE_TRY(const std::string key, section.text_or("server_key", ""));
  if (certificate.empty() != key.empty())
    return wrong("'" + section.path_of("server_certificate") + "' and '" + section.path_of("server_key") +
                 "' go together: set both or neither");
  config.data = folder / data;
  config.trust_chain = folder / trust_chain;
  config.partner_chain = folder / partner_chain;
  if (!certificate.empty()) config.server_certificate = folder / certificate;
  if (!key.empty()) config.server_key = folder / key;
  return {};
}

base::Result<GatewayConfig> read(ConfigSection& top, const std::filesystem::path& folder) {
  for (const std::string_view other : {"provider", "authority", "ehi"})
    top.leave_to_others(other);
  BASE_TRY(auto section, top.section("gateway"));
  GatewayConfig config;
  BASE_TRY_VOID(read_files(section, folder, config));
  BASE_TRY(config.listen, read_endpoint(section, "listen", "0.0.0.0:8443"));
  BASE_TRY(config.status, read_endpoint(section, "status", "127.0.0.1:9100"));
  BASE_TRY(config.authority, read_endpoint(section, "authority", "localhost:9444"));
  if (!http::is_loopback(config.status))
    return wrong("'" + section.path_of("status") + "' must be a loopback address: it is plain HTTP without a caller");
  BASE_TRY(const std::string environment, section.text_or("environment", "production"));
  BASE_TRY(config.environment, base::parse_environment(environment));
  if (config.environment == base::Environment::internal)
    return wrong("'" + section.path_of("environment") +
                 "' must be uat or production: the platform's own certificates open no partner API");
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
  BASE_TRY(config.ready_feed_age, section.duration_or("ready_feed_age", config.ready_feed_age));
  if (config.ready_feed_age > base::Duration::zero() && config.ready_feed_age < kLeastFeedAge)
    return wrong("'" + section.path_of("ready_feed_age") +
                 "' must be \"0s\" or at least 1m: where nothing happens, the authority answers twice a minute");
  BASE_TRY(config.proxies, read_networks(section, "proxy_protocol_from"));
  BASE_TRY(config.http2, section.flag_or("http2", true));
  BASE_TRY_VOID(read_times(section, config));
  BASE_TRY_VOID(read_upstreams(section, folder, config));
  BASE_TRY_VOID(read_routes(section, config));
  BASE_TRY_VOID(top.finish());
  return config;
}

}  // namespace

base::Result<GatewayConfig> GatewayConfig::load(const std::filesystem::path& file) {
  BASE_TRY(auto top, ConfigSection::load(file));
  return read(top, file.parent_path());
}

base::Result<GatewayConfig> GatewayConfig::parse(std::string_view text, const std::filesystem::path& folder) {
  BASE_TRY(auto top, ConfigSection::parse(text, "countersign.toml"));
  return read(top, folder);
}

}  // namespace countersign::gateway
