// TokenRound: tokens in three steps - what can be checked without writing, what must be durable, and only then a
// signature (law 1) -, so that requests that wait together share one commit. Each step's result is what the next one
// takes and can be had nowhere else.
//
// Belongs to the registry's thread.
#pragma once

#include "authority/oauth/authentication.h"
#include "authority/oauth/token_keys.h"
#include "base/log.h"
#include "crypto/random.h"
#include "oauth/access_token.h"
#include "oauth/relay.h"

namespace countersign::authority {

/// A request of a client that has proved itself.
class CheckedRequest {
 private:
  friend class TokenRound;
  CheckedRequest(const oauth::RelayedCall& call, oauth::Form form, ProvedClient client)
      : call_(&call), form_(std::move(form)), client_(std::move(client)) {}
  const oauth::RelayedCall* call_;
  oauth::Form form_;
  ProvedClient client_;
};

/// A token that the audit log knows, once it is committed.
class RecordedGrant {
 private:
  friend class TokenRound;
  RecordedGrant(const oauth::RelayedCall& call, const AuthenticatedClient& client, oauth::Grant grant)
      : call_(&call), method_(client.method()), kid_(client.kid()), grant_(std::move(grant)) {}
  const oauth::RelayedCall* call_;
  oauth::Method method_;
  std::string kid_;  ///< that made the assertion
  oauth::Grant grant_;
};

class TokenRound {
 public:
  /// Borrows all.
  struct Parts {
    Ledger& ledger;
    crypto::Random& random;
    const base::Log& log;
    const OauthSettings& settings;
    TokenKeys& keys;
    Authentication& authentication;
  };
  /// For requests that are answered together.
  explicit TokenRound(const Parts& parts) : parts_(parts) {}

  /// Borrows `call` until the end. Fails: malformed_request, grant_not_supported, as Authentication::prove.
  oauth::Checked<CheckedRequest> check(const oauth::RelayedCall& call, const ActiveCaller& caller);
  /// Uses up the assertion and writes the record `token.issued`. Fails: assertion_replayed, scope_refused,
  /// audience_refused; `unavailable`: then nothing of the amendment may last.
  oauth::Checked<RecordedGrant> record(Amendment& amendment, CheckedRequest request);
  /// To be called when record()'s amendment is committed. Fails: `unavailable`.
  oauth::Checked<http::Response> give(const RecordedGrant& recorded);

 private:
  oauth::Checked<oauth::Grant> grant(const AuthenticatedClient& client, const oauth::Form& form);
  Parts parts_;
  std::optional<TokenKeys::Signing> key_;  ///< by which all of them are signed
};

}  // namespace countersign::authority
