// Which public keys are certified: strong ones, each for one application and one purpose, never one known to be stolen.
#pragma once

#include "authority/registry/hierarchy.h"
#include "store/registry.h"

namespace countersign::authority {

struct KeyUse {
  const base::Identity& identity;
  trust::Purpose purpose;
};

/// Fails: `key.weak` (crypto::check_strength), `key.in_use` when another organisation or a CA uses it,
/// `key.other_application` when another application of the same organisation, or the same in another environment, does,
/// `key.other_purpose` when it was used for another purpose, `key.compromised` when a certificate of it was revoked for
/// key_compromise.
base::Result<void> check_key(store::Transaction& rows, const Hierarchy& hierarchy, const KeyUse& wanted,
                             const crypto::PublicKey& key);
/// The part of it that the registry's rows decide.
base::Result<void> check_key_uses(store::Transaction& rows, const KeyUse& wanted, const crypto::PublicKey& key);

}  // namespace countersign::authority
