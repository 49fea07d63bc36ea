// GatewayConfig: the [gateway] section of countersign.toml, checked: a value of this type can be run.
#pragma once

#include <filesystem>
#include <vector>

#include "base/config.h"
#include "base/identity.h"
#include "feed/credential_files.h"
#include "gateway/listener_config.h"
#include "gateway/observe/counts.h"
#include "gateway/observe/telemetry_settings.h"
#include "gateway/signing/settings.h"
#include "gateway/upstream/settings.h"
#include "net/endpoint.h"
#include "net/network.h"
#include "oauth/access_token.h"
#include "policy/decision.h"

namespace countersign::gateway {

/// Requests to `host` whose path lies under `path` go to `upstream`.
struct Route {
  std::string host;                    ///< "*", an exact name, or "*.example.com"; lower case
  std::string path;                    ///< starts with '/'; a prefix of whole segments
  net::Endpoint upstream;              ///< HTTP/1.1; not looked at where an upstream is named
  bool danger_plain_upstream = false;  ///< it is another machine, reached in the clear: the operator accepted that
  std::string upstream_name = {};      ///< of [[gateway.upstreams]]
  std::shared_ptr<RouteCounts> counts = {};  ///< set by the table that it is in
  bool websocket = false;                    ///< connections may be upgraded to WebSocket (RFC 6455)
  policy::Access access = policy::Access::by_grant;
  bool api_key = false;  ///< an API key of the application is demanded on all of it
  /// A caller must have proved who it is, also where a listener lets in others. It never loosens what a listener asks.
  bool certificate_required = true;
  std::vector<std::string> listeners = {};         ///< by name, at which this is served; empty: at all
  std::optional<RouteSignatures> signatures = {};  ///< of messages, in both directions
  /// An access token of the caller's, bound to its certificate, with these scopes; nothing: none is asked for.
  std::optional<oauth::Demand> token = std::nullopt;
};

struct GatewayConfig {
  std::filesystem::path data;
  net::Endpoint status;  ///< health and metrics, plain HTTP, loopback only
  net::Endpoint authority;
  std::filesystem::path handover;       ///< where a successor asks for our sockets; empty: nowhere
  std::filesystem::path trust_chain;    ///< the provider's roots: how the authority is recognised
  std::filesystem::path partner_chain;  ///< the roots that partners' certificates may lead to
  std::vector<ListenerConfig> listeners;
  std::vector<Route> routes;
  std::vector<UpstreamSettings> upstreams;
  std::filesystem::path policy;  ///< who may use what; empty: no file, and then no route may ask for grants
  std::optional<feed::CredentialFiles> signing = {};  ///< by which responses are signed
  std::size_t workers = 1;
  std::size_t handshakes_per_second = 200;  ///< of one source address, at each worker, in the long run
  bool access_log = true;
  unsigned trace_sample_percent = 100;                     ///< of traces that begin here
  std::optional<TelemetrySettings> telemetry = {};         ///< nothing: no spans are exported
  base::Duration ready_feed_age = base::Duration::zero();  ///< not ready with older facts; zero: no matter how old
  net::Networks proxies;       ///< load balancers, which begin each connection with a PROXY header
  bool token_endpoint = true;  ///< /oauth2/ and the metadata are the authorisation server's
  bool http2 = true;           ///< offered by ALPN, beside HTTP/1.1
  base::Duration request_head_time = std::chrono::seconds(15);
  base::Duration idle_time = std::chrono::seconds(75);
  base::Duration body_time = std::chrono::seconds(60);  ///< without a byte of a body moving
  base::Duration upstream_connect_time = std::chrono::seconds(3);
  base::Duration upstream_response_time = std::chrono::seconds(60);
  base::Duration drain_time = std::chrono::seconds(10);

  /// Of upstreams that say nothing else.
  UpstreamTimes upstream_times() const {
    return {.connect = upstream_connect_time, .response = upstream_response_time, .body = body_time};
  }

  /// Reads the file; relative paths are relative to its folder. Fails: `config.*`, `gateway.config` naming the key.
  static base::Result<GatewayConfig> load(const std::filesystem::path& file);
  static base::Result<GatewayConfig> parse(std::string_view text, const std::filesystem::path& folder);
};

}  // namespace countersign::gateway
