// Clients of the authorisation server: applications with what they may ask for, and their secrets' digests. Errors as
// in store/registry.h.
#pragma once

#include "store/applications.h"

namespace countersign::store {

struct OauthClientRow {
  ApplicationKey key;
  std::string state;  ///< active, disabled
  std::vector<std::string> methods;
  std::vector<std::string> scopes;
  std::vector<std::string> audiences;
  std::string claims;    ///< JSON object: what the provider says of it in each token
  std::string metadata;  ///< JSON object: what the client has said of itself (RFC 7591), whole
  std::optional<std::string> registration_sha256 = {};  ///< of its registration access token
  std::string created_by;
  base::Instant created_at;
  base::Instant updated_at;
  std::optional<base::Instant> cut_at = {};  ///< no token from before is taken
};

/// Fails also: `store.conflict` when it exists already or its application does not.
base::Result<void> insert(Transaction& transaction, const OauthClientRow& row);
base::Result<std::optional<OauthClientRow>> find_oauth_client(Transaction& transaction, const ApplicationKey& key);
/// In order of the key.
base::Result<std::vector<OauthClientRow>> list_oauth_clients(Transaction& transaction, const ApplicationFilter& filter);
/// Everything but key and creation becomes that of `row`.
base::Result<void> update(Transaction& transaction, const OauthClientRow& row);
/// With its secrets.
base::Result<void> remove_oauth_client(Transaction& transaction, const ApplicationKey& key);

struct OauthSecretRow {
  std::string id;
  ApplicationKey key;
  std::string digest;  ///< "scrypt:N:r:p:SALT:DIGEST"
  std::string created_by;
  base::Instant created_at;
  std::optional<base::Instant> cancelled_at = {};
};

base::Result<void> insert(Transaction& transaction, const OauthSecretRow& row);
/// Newest first, cancelled ones included.
base::Result<std::vector<OauthSecretRow>> list_oauth_secrets(Transaction& transaction, const ApplicationKey& key);
/// An unknown id changes nothing.
base::Result<void> cancel_oauth_secret(Transaction& transaction, const std::string& id, base::Instant at);

}  // namespace countersign::store
