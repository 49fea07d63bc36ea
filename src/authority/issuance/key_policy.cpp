#include "authority/issuance/key_policy.h"

#include "authority/registry/rows.h"
#include "crypto/strength.h"
#include "store/issuances.h"

namespace countersign::authority {
namespace {

constexpr const char* kRemedy = ": make a new key and a new CSR";
constexpr const char* kKeyCompromise = "key_compromise";

base::Result<void> check_compromise(store::Transaction& rows, const std::string& spki) {
  BASE_TRY(const bool compromised, store::was_key_revoked_for(rows, spki, kKeyCompromise));
  if (!compromised) return {};
  return base::fail(base::Kind::denied, "key.compromised",
                    "this key was reported as compromised and is never certified again" + std::string(kRemedy));
}

}  // namespace

base::Result<void> check_key(store::Transaction& rows, const Hierarchy& hierarchy, const KeyUse& wanted,
                             const crypto::PublicKey& key) {
  BASE_TRY_VOID(crypto::check_strength(key, crypto::KeyPolicy::certify));
  if (hierarchy.has_key(key))
    return base::fail(base::Kind::denied, "key.in_use", "this key belongs to a CA" + std::string(kRemedy));
  return check_key_uses(rows, wanted, key);
}

base::Result<void> check_key_uses(store::Transaction& rows, const KeyUse& wanted, const crypto::PublicKey& key) {
  const std::string spki = spki_sha256_hex(key);
  BASE_TRY_VOID(check_compromise(rows, spki));
  // Intents count too: a key that was only about to be certified for somebody is theirs.
  BASE_TRY(const auto uses, store::list_key_uses(rows, spki));
  for (const store::KeyUseRow& use : uses) {
    if (use.key.organisation != wanted.identity.organisation.text())
      return base::fail(base::Kind::denied, "key.in_use",
                        "this key is in use by another organisation" + std::string(kRemedy));
    if (use.key != to_key(wanted.identity))
      return base::fail(base::Kind::denied, "key.other_application",
                        "this key is in use by your application '" + use.key.application + "' in " +
                            use.key.environment + ", and a key has one application" + kRemedy);
    if (use.purpose != trust::name(wanted.purpose))
      return base::fail(base::Kind::denied, "key.other_purpose",
                        "this key is in use for " + use.purpose + ", and a key has one purpose" + kRemedy);
  }
  return {};
}

}  // namespace countersign::authority
