// Access tokens (RFC 9068), bound to a certificate (RFC 8705 section 3): what the authority makes and the gateway
// checks. UnverifiedJws -> CheckedToken (its signature, issuer and times hold) -> BoundToken (of this connection's
// certificate). Each can only be made by its check (law 3).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/identity.h"
#include "crypto/digest.h"
#include "crypto/private_key.h"
#include "oauth/key_ring.h"
#include "oauth/refusal.h"
#include "oauth/scopes.h"
#include "trust/verdict.h"

namespace countersign::oauth {

inline constexpr std::size_t kTokenLimit = 8 * 1024;
/// Clocks of the authority and of gateways are the provider's own.
inline constexpr base::Duration kGatewaySkew = std::chrono::seconds(60);

/// What a token says.
struct Grant {
  std::string issuer;
  std::string client;  ///< "production.acme.payments"
  base::Identity identity;
  std::vector<std::string> audiences;
  Scopes scopes;
  crypto::Digest256 certificate;  ///< of the Transport Certificate it is bound to
  base::json::object claims;      ///< what the provider says of the client beside these
  std::string id;
  base::Instant issued;
  base::Instant expires;
};

/// Names a client: "ENVIRONMENT.ORGANISATION.APPLICATION".
std::string client_id_of(const base::Identity& identity);
/// Is `name` a claim that the authority itself writes, which nobody may set?
bool is_own_claim(std::string_view name);

/// Signed by `key`, whose id is `kid` (RFC 9068 section 2). Fails: `key.signing`.
base::Result<std::string> make_token(const Grant& grant, const std::string& kid, const crypto::PrivateKey& key);

class CheckedToken {
 public:
  const Grant& grant() const { return *grant_; }

 private:
  friend Checked<CheckedToken> check_token(std::string_view, const KeyRing&, base::Instant);
  explicit CheckedToken(std::shared_ptr<const Grant> grant) : grant_(std::move(grant)) {}
  std::shared_ptr<const Grant> grant_;
};

/// Fails: the reasons token_malformed to token_unbound.
Checked<CheckedToken> check_token(std::string_view text, const KeyRing& keys, base::Instant now);
/// What can change between two uses of a token: its end, and revocations. Fails: token_expired, token_revoked.
Checked<void> recheck(const CheckedToken& token, const KeyRing& keys, base::Instant now);

/// A token of the application that the other end of the connection has proved to be, got with this very certificate,
/// and good for what was asked.
class BoundToken {
 public:
  const Grant& grant() const { return token_.grant(); }

 private:
  friend Checked<BoundToken> bind(CheckedToken, const trust::AdmittedChain&, const struct Demand&);
  explicit BoundToken(CheckedToken token) : token_(std::move(token)) {}
  CheckedToken token_;
};

/// What a route asks of a token.
struct Demand {
  std::string audience;  ///< empty: any
  Scopes scopes = {};    ///< all of these
};
/// `peer`: of the connection's VerifiedPeer. Fails: token_wrong_certificate, token_wrong_application, token_audience,
/// token_scope.
Checked<BoundToken> bind(CheckedToken token, const trust::AdmittedChain& peer, const Demand& demand);

}  // namespace countersign::oauth
