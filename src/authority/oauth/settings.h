// OauthSettings: [authority.oauth] of countersign.toml, checked.
#pragma once

#include <string>
#include <vector>

#include "base/config.h"
#include "jose/algorithm.h"
#include "oauth/client_credentials.h"

namespace countersign::authority {

struct OauthSettings {
  /// What clients are held to: what the issue-wide rules say, or those of FAPI 2.0 alone.
  enum class Profile { general, fapi2 };

  std::string issuer;  ///< https://HOST[:PORT]: the gateway as partners reach it; no slash at its end
  base::Duration token_life = std::chrono::minutes(10);
  base::Duration key_life = std::chrono::hours(24 * 30);  ///< a key signs for so long
  Profile profile = Profile::general;

  /// Of the section `authority`; without an `oauth` in it the issuer is https://HOST:8443 of the first server name.
  /// Fails: `config.*`.
  static base::Result<OauthSettings> read(base::ConfigSection& authority, const std::vector<std::string>& server_names);

  /// By which clients may sign assertions.
  std::vector<jose::Algorithm> algorithms() const;
  std::vector<oauth::Method> methods() const;
  std::string endpoint(std::string_view path) const { return issuer + std::string(path); }
};

}  // namespace countersign::authority
