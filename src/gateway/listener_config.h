// ListenerConfig: one [[gateway.listeners]] of countersign.toml, checked: where, how, and for which names.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/config.h"
#include "base/identity.h"
#include "gateway/stapling/settings.h"
#include "net/endpoint.h"
#include "policy/decision.h"
#include "tls/context.h"

namespace countersign::gateway {

/// Where the bytes of a site's connections go, where they are no HTTP.
struct TcpRoute {
  std::string upstream = {};  ///< of [[gateway.upstreams]]; empty: the site speaks HTTP
  policy::Access access = policy::Access::by_grant;
  base::Duration idle_time = std::chrono::minutes(5);       ///< without a byte in either direction
  base::Duration connection_time = base::Duration::zero();  ///< all in all; zero: until the certificate ends
};

/// How the gateway proves itself under some names, and whom it lets in there.
struct SiteConfig {
  std::vector<std::string> names = {};  ///< exact or "*.example.com", canonical; empty: the listener's other names
  tls::ClientCertificate client_certificate = tls::ClientCertificate::required;
  base::Environment environment = base::Environment::production;
  std::filesystem::path trust = {};               ///< the roots believed here; empty: trust_chain and partner_chain
  std::filesystem::path server_certificate = {};  ///< both empty: DATA/server.pem and DATA/server.key, kept renewed
  std::filesystem::path server_key = {};
  OcspSettings ocsp = {};             ///< of that certificate
  std::string strict_transport = {};  ///< Strict-Transport-Security of all its responses; empty: upstreams say it
  TcpRoute tcp = {};

  /// In records: the first of its names, or "other".
  std::string name() const { return names.empty() ? "other" : names.front(); }
};

struct ListenerConfig {
  std::string name = "gateway";
  net::Endpoint listen;
  tls::Resumption resumption = tls::Resumption::off;
  SiteConfig other = {};               ///< for other names than those of `sites`, and clients that send none
  bool refuses_other_names = false;    ///< with unrecognized_name
  std::vector<SiteConfig> sites = {};  ///< no name stands in two of them

  /// Every site that can be reached.
  std::vector<const SiteConfig*> reachable() const;
};

/// By what a listener is known again in the next generation of the configuration: where it listens; by its name where
/// the system chose the port.
std::string door_of(const ListenerConfig& listener);

/// "mutual", "optional" or "one-way": how records, metrics and docs call the modes.
std::string_view tls_word(tls::ClientCertificate mode);
/// The word of all sites of a listener; "by name" where they differ.
std::string_view tls_word(const ListenerConfig& listener);

/// Reads [[gateway.listeners]], or `listen` of [gateway] as the one listener. `defaults` is what [gateway] says of
/// sites; relative paths start from `folder`. Fails: `config.*`, `gateway.config` naming the key.
base::Result<std::vector<ListenerConfig>> read_listeners(base::ConfigSection& gateway, const SiteConfig& defaults,
                                                         const std::filesystem::path& folder);
/// The keys server_certificate, server_key, ocsp_stapling, ocsp_responder, strict_transport_security and environment of
/// a section, over what `site` says already.
base::Result<void> read_site_basics(base::ConfigSection& section, const std::filesystem::path& folder,
                                    SiteConfig& site);
/// Fails: `gateway.config`.
base::Result<net::Endpoint> read_endpoint(base::ConfigSection& section, std::string_view key,
                                          std::string_view otherwise);

}  // namespace countersign::gateway
