// EhiCheckSettings: [authority.ehi_checks] of countersign.toml: with what partners' servers are checked, and where a
// check may go. Without the section nothing is checked.
#pragma once

#include <filesystem>
#include <optional>

#include "base/config.h"
#include "courier/address_rules.h"

namespace countersign::authority {

struct EhiCheckSettings {
  std::filesystem::path anchors = {};  ///< roots that servers' certificates may come from; empty: the system's
  /// Folder with ehi-ENVIRONMENT.pem and .key, as the sender keeps them, and where a change of CA is announced
  /// ehi-ENVIRONMENT-next.pem and .key. Read at each check. Empty: what needs them is not tried.
  std::filesystem::path credentials = {};
  /// Folder with a folder ENVIRONMENT of certificates that must be refused (check/target.h); empty: they are not tried.
  std::filesystem::path test_credentials = {};
  courier::AddressRules addresses = {};  ///< `own` is filled in at each check

  /// Reads [ehi_checks] out of `authority`; relative paths start from `folder`. Nothing where there is no such section.
  /// Fails: `config.*`.
  static base::Result<std::optional<EhiCheckSettings>> read(base::ConfigSection& authority,
                                                            const std::filesystem::path& folder);
};

}  // namespace countersign::authority
