// TokenSettings: [authority.token] of countersign.toml, checked: the hardware token that holds the CA keys.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/config.h"
#include "crypto/private_key.h"

namespace countersign::authority {

struct TokenSettings {
  /// Where a first run makes the keys of the roots. Those of issuing CAs are made in the token, always.
  enum class Roots { token, files };

  std::filesystem::path module;                                   ///< the vendor's PKCS#11 library
  std::string label;                                              ///< of the token
  std::filesystem::path pin_file;                                 ///< empty: none
  std::string key_prefix;                                         ///< keys have the label PREFIX-NAME
  crypto::PrivateKey::Kind key = crypto::PrivateKey::Kind::p256;  ///< what a first run makes
  Roots roots = Roots::token;
  base::Duration call_time = kDefaultCallTime;

  static constexpr base::Duration kDefaultCallTime = std::chrono::seconds(5);
  static constexpr base::Duration kShortestCallTime = std::chrono::milliseconds(100);
  static constexpr base::Duration kLongestCallTime = std::chrono::minutes(1);

  /// Of the section `authority`; nothing where it has no `token`. `folder` is what relative paths start from.
  /// Fails: `config.*`.
  static base::Result<std::optional<TokenSettings>> read(base::ConfigSection& authority,
                                                         const std::filesystem::path& folder);

  /// The label of the key of a CA.
  std::string label_of(std::string_view ca) const { return key_prefix + "-" + std::string(ca); }
};

}  // namespace countersign::authority
