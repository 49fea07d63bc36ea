// The authority's own keys, beside those of the CAs: what seals its audit log, signs its checkpoints and derives its
// ACME credentials. The registry remembers which they are: authorities that share it must have the same, and a change
// of one is in the audit log.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "authority/registry/ledger.h"
#include "base/secret.h"
#include "crypto/private_key.h"

namespace countersign::authority {

/// By name: SHA-256 of the public key, in hexadecimal.
using OwnKeyDigests = std::map<std::string, std::string>;

struct OwnKeys {
  crypto::PrivateKey audit;
  crypto::PrivateKey checkpoint;
  crypto::PrivateKey acme;

  /// Out of `keys`/audit.key and so on, encrypted like those of the CAs; what is missing is made. Fails:
  /// `keys.passphrase`, as crypto and files.
  static base::Result<OwnKeys> open(const std::filesystem::path& keys, const base::Secret& passphrase);
  OwnKeyDigests digests() const;
};

/// To be asked before anything is changed. Fails: `keys.differ` when the registry is shared, another authority was seen
/// on it lately, and one of these is not the key that it has; and as store.
base::Result<void> check_own_keys(Ledger& ledger, const OwnKeyDigests& digests);

/// The registry knows these from now on; where it knew another, an audit record says so. Returns the names of those
/// that took another's place. Fails: `audit.broken`, and as store.
base::Result<std::vector<std::string>> remember_own_keys(Ledger& ledger, const OwnKeyDigests& digests);

}  // namespace countersign::authority
