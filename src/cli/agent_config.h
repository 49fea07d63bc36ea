// AgentConfig: what `countersign agent` keeps fresh, as agent.toml says.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/config.h"
#include "crypto/private_key.h"
#include "net/endpoint.h"
#include "trust/purpose.h"

namespace countersign::cli {

/// How often a failure is tried again.
struct Retries {
  base::Duration first = std::chrono::seconds(30);
  base::Duration longest = std::chrono::hours(1);
};

/// One of [[certificates]]: a folder as `countersign request` makes it.
struct KeptFolder {
  std::filesystem::path folder;
  std::vector<trust::Purpose> purposes;
  net::Endpoint authority;
  std::filesystem::path trust_chain;
  std::vector<std::string> hook;  ///< empty: none
  base::Duration hook_time = std::chrono::seconds(30);
  std::optional<crypto::PrivateKey::Kind> key_kind;  ///< absent: like the key that is held
  std::optional<base::Duration> danger_renew_after;  ///< for tests: due at this age, whatever its life
};

struct AgentConfig {
  net::Endpoint status;
  Retries retries;
  std::vector<KeptFolder> folders;

  /// Relative paths start from the file's folder. Fails: `agent.config` naming the key, and as base::ConfigSection.
  static base::Result<AgentConfig> load(const std::filesystem::path& file);
};

}  // namespace countersign::cli
