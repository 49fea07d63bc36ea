// Settings: [provider] and [authority] of countersign.toml, checked.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "authority/ehi/settings.h"
#include "authority/issuance/issuance_policy.h"
#include "authority/notices/settings.h"
#include "authority/oauth/settings.h"
#include "authority/registry/status_urls.h"
#include "authority/secrets/token_settings.h"
#include "base/config.h"
#include "net/endpoint.h"
#include "store/location.h"

namespace countersign::authority {

struct Settings {
  std::string provider;
  std::filesystem::path data;
  net::Endpoint api;
  net::Endpoint internal;
  net::Endpoint status_listen;
  /// Under which address the outside reaches status_listen; empty: under that of the listener itself.
  StatusUrls status_url = {};
  std::vector<std::string> server_names;
  std::filesystem::path passphrase_file;  ///< empty: none
  IssuancePolicy policy{kDefaultCertificateLife};
  NoticeSettings notices;
  std::optional<EhiCheckSettings> ehi_checks = std::nullopt;  ///< nothing: partners' servers are not checked
  OauthSettings oauth;
  std::optional<store::Location> registry = std::nullopt;  ///< nothing: a file in `data`
  bool danger_unverified_registry = false;  ///< take a database on another machine that does not prove who it is
  std::optional<TokenSettings> token;       ///< nothing: the keys of the CAs are in files
  std::filesystem::path ceremony = {};      ///< folder of a first run whose roots are made offline; empty: made here
  bool danger_open_files = false;           ///< take keys and passphrase from files that others can read or write

  /// Paths are relative to the file's folder. Fails: `config.*`, `endpoint.invalid`, `server_name.invalid`.
  static base::Result<Settings> load(const std::filesystem::path& file);
  /// `folder` is what relative paths start from.
  static base::Result<Settings> read(base::ConfigSection& document, const std::filesystem::path& folder);
};

}  // namespace countersign::authority
