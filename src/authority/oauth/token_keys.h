// TokenKeys: the keys that access tokens are signed with. They live in the registry, sealed, so that all authorities
// that share it sign with the same; each is published before its time comes, and known until its last token has ended.
//
// Belongs to the registry's thread.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "authority/oauth/settings.h"
#include "authority/registry/ledger.h"
#include "base/secret.h"
#include "crypto/private_key.h"
#include "oauth/key_ring.h"
#include "store/oauth_tokens.h"

namespace countersign::authority {

/// The next key is published so long before it signs, and at least a quarter of a key's life: whoever keeps a JWKS for
/// an hour has it by then.
inline constexpr base::Duration kKeyLead = std::chrono::hours(24);

class TokenKeys {
 public:
  /// Borrows the ledger; `sealing` is what the keys are encrypted under: the same at each authority of a registry.
  TokenKeys(Ledger& ledger, base::Secret sealing, const OauthSettings& settings)
      : ledger_(ledger), sealing_(std::move(sealing)), settings_(settings) {}

  struct Signing {
    std::string kid;
    std::shared_ptr<const crypto::PrivateKey> key;
  };
  /// The key whose time it is, after tend(). Fails: `keys.passphrase`, `token_key.none`, as tend().
  base::Result<Signing> signing();
  /// Makes the next key where its time has come, forgets what is over. Fails: as crypto and store.
  base::Result<void> tend();
  /// Those that are known, the first to sign first. Fails: as store.
  base::Result<std::vector<store::OauthKeyRow>> known();
  /// What a gateway would take now. Fails: `registry.corrupt`, as store.
  base::Result<oauth::KeyRing> ring();

  enum class Rotation {
    planned,     ///< a new key is published now and signs when everybody has it
    compromised  ///< a new key signs at once, and no token of any key before is taken any more
  };
  /// Fails: as crypto and store.
  base::Result<void> rotate(const Actor& actor, Rotation how);

 private:
  base::Duration lead() const;
  bool is_ours(const store::OauthKeyRow& row) const;
  base::Result<store::OauthKeyRow> make(base::Instant signs_from) const;
  base::Result<void> add(Amendment& amendment, const Actor& actor, const store::OauthKeyRow& row) const;
  base::Result<void> end(Amendment& amendment, store::OauthKeyRow row, base::Instant at, Rotation how) const;
  base::Result<std::shared_ptr<const crypto::PrivateKey>> open(const store::OauthKeyRow& row);
  Ledger& ledger_;
  base::Secret sealing_;
  const OauthSettings& settings_;
  std::map<std::string, std::shared_ptr<const crypto::PrivateKey>> opened_;
};

/// {"keys":[...]} (RFC 7517 section 5). Fails: `registry.corrupt`.
base::Result<base::json::object> to_jwks(const std::vector<store::OauthKeyRow>& rows);

}  // namespace countersign::authority
