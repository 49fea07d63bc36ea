// Where the passphrase of the CA keys comes from: the environment, systemd, a configured file, or - with a warning - a
// file that first run makes beside the keys.
#pragma once

#include "authority/secrets/secret_source.h"
#include "crypto/random.h"

namespace countersign::authority {

struct PassphraseSources {
  SecretSources given;                     ///< $COUNTERSIGN_PASSPHRASE, `countersign-passphrase`, the configured file
  std::filesystem::path file_beside_keys;  ///< used, and made where missing, when there is none of the others
  bool may_make_file = false;              ///< false once there are keys: a new passphrase would not open them
};

struct Passphrase {
  base::Secret secret;
  bool lies_beside_keys =
      false;  ///< protects against a lost backup of the keys alone, not against who reads this machine
};

/// Fails: `passphrase.empty`, `passphrase.too_long`, `passphrase.unreadable`, as files.
base::Result<Passphrase> find_passphrase(const PassphraseSources& sources, crypto::Random& random);

}  // namespace countersign::authority
