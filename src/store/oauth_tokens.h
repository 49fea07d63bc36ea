// What stands behind access tokens: the keys they are signed with, the assertions that were used, the tokens that were
// revoked. Errors as in store/registry.h.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "store/registry.h"

namespace countersign::store {

struct OauthKeyRow {
  std::string kid;
  std::string issuer;
  std::string jwk;     ///< the public key
  std::string sealed;  ///< PEM, encrypted; empty once it is given up
  base::Instant created_at;
  base::Instant signs_from;
  base::Instant signs_until;
  base::Instant known_until;
};

base::Result<void> insert(Transaction& transaction, const OauthKeyRow& row);
/// Those known at `now` or later, the first to sign first.
base::Result<std::vector<OauthKeyRow>> list_oauth_keys(Transaction& transaction, base::Instant now);
/// sealed and the times become those of `row`.
base::Result<void> update(Transaction& transaction, const OauthKeyRow& row);
base::Result<void> forget_oauth_keys(Transaction& transaction, base::Instant known_before);

struct OauthAssertionRow {
  std::string client;
  std::string jti_sha256;
  base::Instant forgettable_at;
};
/// False when it was used before: nothing was changed.
base::Result<bool> use_oauth_assertion(Transaction& transaction, const OauthAssertionRow& row);
/// Forgets those that may be forgotten before `before`.
base::Result<void> forget_oauth_assertions(Transaction& transaction, base::Instant before);

struct OauthRevocationRow {
  std::string token_id;
  std::string client;
  base::Instant revoked_at;
  base::Instant expires_at;
};
/// False when it was revoked before: nothing was changed.
base::Result<bool> revoke_oauth_token(Transaction& transaction, const OauthRevocationRow& row);
base::Result<bool> is_oauth_token_revoked(Transaction& transaction, const std::string& token_id);
/// Those whose tokens have not expired at `now`.
base::Result<std::vector<OauthRevocationRow>> list_oauth_revocations(Transaction& transaction, base::Instant now);
base::Result<void> forget_oauth_revocations(Transaction& transaction, base::Instant expired_before);

}  // namespace countersign::store
