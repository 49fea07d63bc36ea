// UpstreamSettings: one [[gateway.upstreams]] of countersign.toml, checked: who serves requests, and how far we go for
// it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/config.h"
#include "feed/credential_files.h"
#include "gateway/upstream/address_health.h"
#include "gateway/upstream/breaker.h"
#include "net/endpoint.h"
#include "trust/trust_set.h"

namespace countersign::gateway {

/// How one upstream is connected to over TLS.
struct UpstreamTls {
  std::shared_ptr<const trust::TrustSet> anchors;  ///< whom its certificate may come from
  std::string server_name;  ///< that the certificate must carry; empty: the host of each address, as configured
  enum class Proof { none, service, files };
  Proof proof = Proof::none;              ///< what we show: nothing, the gateway's service certificate, or these files
  feed::CredentialFiles credential = {};  ///< for Proof::files
  friend bool operator==(const UpstreamTls&, const UpstreamTls&) = default;
};

struct UpstreamCheck {
  std::string path;
  std::string host = {};  ///< the Host field; empty: the address
  int status = 200;
  base::Duration interval = std::chrono::seconds(5);
  base::Duration time = std::chrono::seconds(2);  ///< connecting included
  AddressHealth::Check rules = {};
  friend bool operator==(const UpstreamCheck&, const UpstreamCheck&) = default;
};

/// What is spoken with an upstream.
enum class UpstreamProtocol {
  http1,  ///< HTTP/1.1
  http2,  ///< HTTP/2, by ALPN; without TLS from the first byte on (RFC 9113 section 3.3, prior knowledge)
  any,    ///< as its ALPN says
};

/// Each bounds one phase of a request.
struct UpstreamTimes {
  base::Duration connect = std::chrono::seconds(3);    ///< a TLS handshake and waiting for a connection included
  base::Duration response = std::chrono::seconds(60);  ///< from the end of the request to the head of its response
  base::Duration body = std::chrono::seconds(60);      ///< without a byte moving
  base::Duration request = base::Duration::zero();     ///< all together; zero: as long as the others allow
  base::Duration tunnel = std::chrono::minutes(5);     ///< without a byte moving in either direction, after an upgrade
  friend bool operator==(const UpstreamTimes&, const UpstreamTimes&) = default;
};

struct UpstreamSettings {
  std::string name;
  std::vector<net::Endpoint> addresses;  ///< at least one
  UpstreamTimes times = {};
  UpstreamProtocol protocol = UpstreamProtocol::http1;
  std::size_t streams = 100;                             ///< requests at once on one connection of HTTP/2
  base::Duration ping_after = std::chrono::seconds(15);  ///< of silence on one of HTTP/2; zero: never
  base::Duration ping_time = std::chrono::seconds(10);   ///< for anything to be heard behind a PING
  Breaker::Limits limits = {};                           ///< at each worker
  std::size_t idle_connections = 256;                    ///< kept for each address, at each worker
  base::Duration idle_time = std::chrono::seconds(30);   ///< each for so long
  std::size_t retries = 2;                               ///< of one request
  double retry_ratio = 0.2;                              ///< of all requests
  unsigned panic_below = 50;                             ///< see balance.h
  AddressHealth::Ejection ejection = {};
  std::optional<UpstreamCheck> check = {};
  std::optional<UpstreamTls> tls = {};
  bool send_proxy_header = false;                          ///< version 2 of the PROXY protocol, on each connection
  bool send_proxy_identity = false;                        ///< with it, who the client is: see identity_tlvs()
  base::Duration resolve_time = std::chrono::seconds(30);  ///< names are resolved again after it; zero: when connecting
  bool danger_plain = false;  ///< another machine, in the clear: the operator accepted that
  friend bool operator==(const UpstreamSettings&, const UpstreamSettings&) = default;
};

/// What a route that names an address instead of an upstream has: one address, and nothing that needs another one.
UpstreamSettings settings_of_address(const net::Endpoint& address, UpstreamTimes times);

/// Reads one table of [[gateway.upstreams]]; `times` are what is not said. Files are relative to `folder`.
/// Fails: `config.*`, `gateway.config` naming the key.
base::Result<UpstreamSettings> read_upstream(base::ConfigSection& section, const std::filesystem::path& folder,
                                             UpstreamTimes times);

/// Does `text` name an upstream, and no HOST:PORT? 1 to 63 of a-z, 0-9, '-' and '_'.
bool is_upstream_name(std::string_view text);

}  // namespace countersign::gateway
