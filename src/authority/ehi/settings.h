// EhiCheckSettings: [authority.ehi_checks] of countersign.toml: with what partners' servers are checked.
#pragma once

#include <filesystem>

#include "base/config.h"

namespace countersign::authority {

enum class EhiReach {
  public_only,      ///< never into the provider's own network
  danger_anywhere,  ///< wherever a URL leads
};

struct EhiCheckSettings {
  std::filesystem::path anchors = {};  ///< roots that servers' certificates may come from; empty: the system's
  /// Folder with ehi-ENVIRONMENT.pem and .key, as the sender keeps them, and where a change of CA is announced
  /// ehi-ENVIRONMENT-next.pem and .key. Read at each check. Empty: what needs them is not tried.
  std::filesystem::path credentials = {};
  /// Folder with a folder ENVIRONMENT of certificates that must be refused (check/target.h); empty: they are not tried.
  std::filesystem::path test_credentials = {};
  EhiReach reach = EhiReach::public_only;

  /// Reads [ehi_checks] out of `authority`; relative paths start from `folder`. Fails: `config.*`.
  static base::Result<EhiCheckSettings> read(base::ConfigSection& authority, const std::filesystem::path& folder);
};

}  // namespace countersign::authority
