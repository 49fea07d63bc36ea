// Clients: which applications may get access tokens, for what, and how they prove themselves beside their certificate.
// The provider says so; what a client says of itself (RFC 7591) is kept beside it and never mixed with it.
//
// Belongs to the registry's thread. Each change is audited.
#pragma once

#include <vector>

#include "authority/registry/ledger.h"
#include "authority/registry/profile.h"
#include "base/secret.h"
#include "crypto/random.h"
#include "oauth/client_credentials.h"
#include "oauth/scopes.h"
#include "store/oauth_clients.h"

namespace countersign::authority {

/// What the provider decides of a client.
struct ClientRules {
  std::vector<oauth::Method> methods;  ///< empty: private_key_jwt
  oauth::Scopes scopes;
  std::vector<std::string> audiences;  ///< resources a token may be for (RFC 8707); empty: the issuer itself
  base::json::object claims;           ///< in each of its tokens, such as a tenant
};
inline constexpr std::size_t kClaimsLimit = 2048;
inline constexpr std::size_t kAudiencesLimit = 16;
/// Secrets of one client that can be live at once: the old and the new one, and one more.
inline constexpr std::size_t kSecretsLimit = 3;

struct NewClientSecret {
  std::string id;
  base::Secret secret;  ///< shown once
};

class Clients {
 public:
  /// Borrows all.
  Clients(Ledger& ledger, crypto::Random& random) : ledger_(ledger), random_(random) {}

  /// Makes the client of the application, or gives it other rules; what it said of itself stays. Fails:
  /// `application.unknown`, `client.not_partner`, `client.claims`, `client.audience`, as store.
  base::Result<store::OauthClientRow> put(const Actor& actor, const base::Identity& identity, ClientRules rules);
  /// Could put() make that client? Fails: as put().
  base::Result<void> check(const base::Identity& identity, const ClientRules& rules);
  /// Fails: `client.unknown`, as store.
  base::Result<store::OauthClientRow> find(const base::Identity& identity);
  base::Result<std::vector<store::OauthClientRow>> list();
  /// Of a disabled client no token is taken from now on. Fails: `client.unknown`, as store.
  base::Result<store::OauthClientRow> disable(const Actor& actor, const base::Identity& identity);
  base::Result<store::OauthClientRow> enable(const Actor& actor, const base::Identity& identity);
  /// No token that it has got until now is taken any more. Fails: `client.unknown`, as store.
  base::Result<store::OauthClientRow> end_tokens(const Actor& actor, const base::Identity& identity);

  /// Fails: `client.unknown`, `client.secrets`, as crypto and store.
  base::Result<NewClientSecret> make_secret(const Actor& actor, const base::Identity& identity);
  /// Newest first. Fails: `client.unknown`, as store.
  base::Result<std::vector<store::OauthSecretRow>> list_secrets(const base::Identity& identity);
  /// Done already is no failure. Fails: `client_secret.unknown`, as store.
  base::Result<store::OauthSecretRow> cancel_secret(const Actor& actor, const base::Identity& identity,
                                                    const std::string& id);

 private:
  base::Result<store::OauthClientRow> change(const Actor& actor, const base::Identity& identity, const char* action);
  Ledger& ledger_;
  crypto::Random& random_;
};

/// Fails: `registry.corrupt`.
base::Result<ClientRules> rules_of(const store::OauthClientRow& row);

/// "scrypt:N:r:p:SALT:DIGEST", to be kept. Fails: as crypto.
base::Result<std::string> digest_secret(const base::Secret& secret, crypto::Random& random);
/// Is it the secret of that digest? Takes as long for a wrong one. Fails: `registry.corrupt`, as crypto.
base::Result<bool> is_secret_of(const base::Secret& secret, const std::string& digest);
/// Could we have made it? Others are wrong without being digested.
bool looks_like_secret(std::string_view secret);

}  // namespace countersign::authority
