// Keys and secrets that live beside the CA keys, encrypted like them: an Ed25519 key in a file of its own, and a secret
// of 256 bits derived from one.
#pragma once

#include <filesystem>

#include "base/secret.h"
#include "crypto/private_key.h"

namespace countersign::authority {

struct SealedSecret {
  std::filesystem::path file;
  std::string_view domain;  ///< what it is for; another domain gives another secret
};

/// An Ed25519 key of the authority itself, out of `file`, which is made where it is missing. Fails: `keys.passphrase`,
/// as crypto and files.
base::Result<crypto::PrivateKey> open_sealed_key(const std::filesystem::path& file, const base::Secret& passphrase);
/// Out of the file, which is made where it is missing. Fails: `keys.passphrase`, as crypto and files.
base::Result<base::Secret> open_sealed_secret(const SealedSecret& sealed, const base::Secret& passphrase);

}  // namespace countersign::authority
