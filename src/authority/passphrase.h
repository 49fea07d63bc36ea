// Where the passphrase of the CA keys comes from: the environment, systemd, a configured file, or - with a warning - a
// file that first run makes beside the keys.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/secret.h"
#include "crypto/random.h"

namespace countersign::authority {

/// What every OpenSSL takes to open an encrypted key.
inline constexpr std::size_t kPassphraseLimit = 1024;

/// In order of precedence.
struct PassphraseSources {
  std::optional<std::string> environment;       ///< $COUNTERSIGN_PASSPHRASE
  std::filesystem::path credentials_directory;  ///< $CREDENTIALS_DIRECTORY of systemd, holding `countersign-passphrase`
  std::filesystem::path configured_file;        ///< empty: none
  std::filesystem::path file_beside_keys;       ///< used, and made where missing, when there is none of the others
  bool may_make_file = false;                   ///< false once there are keys: a new passphrase would not open them
};

struct Passphrase {
  base::Secret secret;
  bool lies_beside_keys =
      false;  ///< protects against a lost backup of the keys alone, not against who reads this machine
};

/// One line end after the passphrase in a file does not count. Fails: `passphrase.empty`, `passphrase.too_long`,
/// `passphrase.unreadable`, as files.
base::Result<Passphrase> find_passphrase(const PassphraseSources& sources, crypto::Random& random);

}  // namespace countersign::authority
