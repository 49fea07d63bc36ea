// Where a secret of the authority's operator is handed in: the environment, systemd, or a file.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/secret.h"

namespace countersign::authority {

/// `code` begins the codes of errors, `words` says what it is: "passphrase", "the passphrase of the CA keys".
struct SecretName {
  const char* code;
  const char* words;
  const char* variable;    ///< of the environment
  const char* credential;  ///< its name in $CREDENTIALS_DIRECTORY
};

/// In order of precedence.
struct SecretSources {
  std::optional<std::string> environment;
  std::filesystem::path credentials_directory;  ///< $CREDENTIALS_DIRECTORY of systemd; empty: none
  std::filesystem::path configured_file;        ///< empty: none
};

/// No secret is longer: what every OpenSSL takes to open an encrypted key.
inline constexpr std::size_t kPassphraseLimit = 1024;

/// Nothing where no source has it. One line end after the secret in a file does not count. Fails: CODE.empty,
/// CODE.too_long, CODE.unreadable.
base::Result<std::optional<base::Secret>> find_secret(const SecretName& name, const SecretSources& sources);
/// What this file holds.
base::Result<base::Secret> read_secret(const SecretName& name, const std::filesystem::path& file);

}  // namespace countersign::authority
