// EhiConfig: the [ehi] section of countersign.toml, checked: a value of this type can be run.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "base/config.h"
#include "base/identity.h"
#include "http/url.h"
#include "trust/trust_set.h"

namespace countersign::ehi {

/// A partner's server that the provider calls.
struct Endpoint {
  base::Slug name;                ///< what internal systems call it
  base::Environment environment;  ///< which of the provider's certificates is sent
  http::Url url;                  ///< https only
  base::Duration deadline;  ///< for one call, from the first byte from the caller's request to the last of the answer
  std::shared_ptr<const trust::TrustSet> anchors;  ///< whom its server certificate may come from
};

struct EhiConfig {
  std::filesystem::path data;
  net::Endpoint listen;  ///< where internal systems call, over mutual TLS
  net::Endpoint status;  ///< health and metrics, plain HTTP, loopback only
  net::Endpoint authority;
  std::filesystem::path trust_chain;
  std::vector<Endpoint> endpoints;
  std::size_t body_bytes = 1024 * 1024;  ///< of a request to a partner, and of its answer
  base::Duration drain_time = std::chrono::seconds(10);

  /// Reads the file and the anchors it names; relative paths are relative to its folder. Fails: `config.*`,
  /// `ehi.config`.
  static base::Result<EhiConfig> load(const std::filesystem::path& file);
  static base::Result<EhiConfig> parse(std::string_view text, const std::filesystem::path& folder);

  const Endpoint* find(std::string_view name) const;
};

}  // namespace countersign::ehi
