#include "authority/own_keys.h"

#include "authority/fleet.h"
#include "authority/registry/rows.h"
#include "authority/secrets/sealed_secret.h"
#include "crypto/digest.h"
#include "store/instances.h"
#include "store/settings.h"

namespace countersign::authority {
namespace {

std::string setting_of(const std::string& name) { return "own_key." + name; }

/// Another authority that works on this registry, as `HOST:FOLDER`; nothing where nobody was seen lately.
base::Result<std::optional<std::string>> find_neighbour(store::Transaction& rows, base::Instant now) {
  BASE_TRY(const auto instances, store::list_instances(rows));
  for (const store::InstanceRow& row : instances)
    if (row.seen_at > now - kSeenLately) return std::optional(row.label);
  return std::nullopt;
}

struct Compared {
  std::vector<std::string> changed;  ///< those that the registry knows otherwise
  bool is_complete = true;           ///< it knows something of each
};

base::Result<Compared> compare(store::Transaction& rows, const OwnKeyDigests& digests) {
  Compared compared;
  for (const auto& [name, digest] : digests) {
    BASE_TRY(const auto known, store::find_setting(rows, setting_of(name)));
    if (!known) compared.is_complete = false;
    else if (*known != digest) compared.changed.push_back(name);
  }
  return compared;
}

base::Result<void> store_all(store::Transaction& rows, const OwnKeyDigests& digests) {
  for (const auto& [name, digest] : digests)
    BASE_TRY_VOID(store::set_setting(rows, setting_of(name), digest));
  return {};
}

}  // namespace

base::Result<OwnKeys> OwnKeys::open(const std::filesystem::path& keys, const base::Secret& passphrase) {
  BASE_TRY(auto audit, open_sealed_key(keys / "audit.key", passphrase));
  BASE_TRY(auto checkpoint, open_sealed_key(keys / "checkpoint.key", passphrase));
  BASE_TRY(auto acme, open_sealed_key(keys / "acme.key", passphrase));
  return OwnKeys{std::move(audit), std::move(checkpoint), std::move(acme)};
}

OwnKeyDigests OwnKeys::digests() const {
  return {{"audit", spki_sha256_hex(audit.public_key())},
          {"checkpoint", spki_sha256_hex(checkpoint.public_key())},
          {"acme", spki_sha256_hex(acme.public_key())}};
}

base::Result<void> check_own_keys(Ledger& ledger, const OwnKeyDigests& digests) {
  if (!ledger.is_shared()) return {};
  BASE_TRY(auto rows, ledger.read());
  BASE_TRY(const Compared compared, compare(rows, digests));
  if (compared.changed.empty()) return {};
  BASE_TRY(const auto neighbour, find_neighbour(rows, ledger.now()));
  if (!neighbour) return {};
  return base::fail(base::Kind::conflict, "keys.differ",
                    "keys/" + compared.changed.front() +
                        ".key is not the one that the other authorities of this registry " +
                        "have: copy the folder 'keys' from " + *neighbour + ", then start again");
}

base::Result<std::vector<std::string>> remember_own_keys(Ledger& ledger, const OwnKeyDigests& digests) {
  {
    BASE_TRY(auto rows, ledger.read());
    BASE_TRY(const Compared compared, compare(rows, digests));
    if (compared.changed.empty() && compared.is_complete) return std::vector<std::string>();  // as at most starts
  }
  std::vector<std::string> changed;
  {
    BASE_TRY(auto rows, ledger.write_unaudited());
    BASE_TRY(Compared compared, compare(rows, digests));
    changed = std::move(compared.changed);
    if (changed.empty()) {
      BASE_TRY_VOID(store_all(rows, digests));
      BASE_TRY_VOID(rows.commit());
      return changed;
    }
  }
  BASE_TRY(auto amendment, ledger.amend());
  for (const std::string& name : changed)
    BASE_TRY_VOID(amendment.audit(
        {the_authority(), "own_key.changed", "keys/" + name + ".key", {{"spki_sha256", digests.at(name)}}}));
  BASE_TRY_VOID(store_all(amendment.rows(), digests));
  BASE_TRY_VOID(amendment.commit());
  return changed;
}

}  // namespace countersign::authority
