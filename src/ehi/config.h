// EhiConfig: the [ehi] section of countersign.toml, checked: a value of this type can be run.
#pragma once

#include <filesystem>
#include <vector>

#include "ehi/endpoint.h"
#include "postgres/address.h"

namespace countersign::ehi {

struct EhiConfig {
  std::filesystem::path data;
  net::Endpoint listen;  ///< where internal systems call, over mutual TLS
  net::Endpoint status;  ///< health and metrics, plain HTTP, loopback only
  net::Endpoint authority;
  std::filesystem::path trust_chain;
  std::vector<Endpoint> endpoints;
  std::size_t body_bytes = 1024 * 1024;       ///< of a request to a partner, and of its answer
  std::vector<std::string> outbox_viewers;    ///< "service/NAME", "operator/NAME": who may look at the outbox
  std::vector<std::string> outbox_operators;  ///< who may replay and discard, too
  std::optional<postgres::Address> outbox;    ///< a database that senders share; absent: a file in `data`
  bool danger_unverified_outbox = false;      ///< a database on another machine need not prove who it is
  std::int64_t outbox_messages = 1'000'000;   ///< waiting and dead ones; more are refused
  base::Duration connection_age = std::chrono::minutes(10);  ///< then a partner's server is judged anew
  bool standby_certificates = false;                         ///< DATA/ehi-ENV-standby and signing-ENV-standby
  base::Duration drain_time = std::chrono::seconds(10);

  /// Reads the file and the anchors it names; relative paths are relative to its folder. Fails: `config.*`,
  /// `ehi.config`.
  static base::Result<EhiConfig> load(const std::filesystem::path& file);
  static base::Result<EhiConfig> parse(std::string_view text, const std::filesystem::path& folder);

  const Endpoint* find(std::string_view name) const;
};

/// "service/NAME", "operator/NAME": how the configuration names internal systems and operators.
std::string short_name(const base::Identity& identity);

}  // namespace countersign::ehi
