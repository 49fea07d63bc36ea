// A secret of 256 bits that lives beside the CA keys, encrypted like them: derived from an Ed25519 key in its own file.
#pragma once

#include <filesystem>

#include "base/secret.h"

namespace countersign::authority {

struct SealedSecret {
  std::filesystem::path file;
  std::string_view domain;  ///< what it is for; another domain gives another secret
};

/// Out of the file, which is made where it is missing. Fails: `keys.passphrase`, as crypto and files.
base::Result<base::Secret> open_sealed_secret(const SealedSecret& sealed, const base::Secret& passphrase);

}  // namespace countersign::authority
