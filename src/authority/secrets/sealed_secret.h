// Keys and secrets that live beside the CA keys, encrypted like them: an Ed25519 key in a file of its own, and a secret
// of 256 bits derived from one.
#pragma once

#include <filesystem>

#include "base/secret.h"
#include "crypto/private_key.h"

namespace countersign::authority {

/// An Ed25519 key of the authority itself, out of `file`, which is made where it is missing. Fails: `keys.passphrase`,
/// as crypto and files.
base::Result<crypto::PrivateKey> open_sealed_key(const std::filesystem::path& file, const base::Secret& passphrase);
/// A secret that only who has `key` can derive; another `domain`, what it is for, gives another. Fails: as crypto.
base::Result<base::Secret> derive_secret(const crypto::PrivateKey& key, std::string_view domain);

}  // namespace countersign::authority
