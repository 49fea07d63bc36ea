// AuthorisationServer: the endpoints of OAuth, as one function from a relayed call to an answer (RFC 6749, 7009, 7517,
// 7591, 7592, 7662, 8414, 8705, 8707, 9068).
//
// Synchronous and free of sockets; belongs to the registry's thread. Each token that is given and each refusal of who
// has a certificate is one record of the audit log, `token.issued` and `oauth.refused`, before the answer goes out.
#pragma once

#include <variant>
#include <vector>

#include "authority/oauth/authentication.h"
#include "authority/oauth/refusal_records.h"
#include "authority/oauth/registration.h"
#include "authority/oauth/token_round.h"
#include "base/log.h"

namespace countersign::authority {

class AuthorisationServer {
 public:
  /// Borrows all but the settings and `sealing`.
  struct Parts {
    Ledger& ledger;
    crypto::Random& random;
    const base::Log& log;
  };
  AuthorisationServer(const Parts& parts, OauthSettings settings, base::Secret sealing)
      : parts_(parts),
        settings_(std::move(settings)),
        keys_(parts.ledger, std::move(sealing), settings_),
        clients_(parts.ledger, parts.random),
        authentication_(parts.ledger, settings_),
        registration_({parts.ledger, parts.random, settings_, keys_, clients_}) {}
  AuthorisationServer(const AuthorisationServer&) = delete;

  /// One answer for each call, in their order; what they have to record becomes durable together. Never fails: what
  /// went wrong is an answer, too.
  std::vector<http::Response> answer(const std::vector<const oauth::RelayedCall*>& calls);
  http::Response answer(const oauth::RelayedCall& call) { return std::move(answer(std::vector{&call}).front()); }

  /// For programs of the platform: what RFC 7662 section 2.2 says of any token. Fails: as store.
  base::Result<base::json::object> introspect(const std::string& token);
  /// RFC 8414 section 2.
  base::json::object metadata() const;

  TokenKeys& keys() { return keys_; }
  Clients& clients() { return clients_; }
  Registration& registration() { return registration_; }
  const OauthSettings& settings() const { return settings_; }

 private:
  using Response = oauth::Checked<http::Response>;
  /// A call on its way: its answer, or what it has come to before.
  struct Turn {
    const oauth::RelayedCall& call;
    oauth::Checked<std::variant<http::Response, CheckedRequest, RecordedGrant>> state;
  };
  Turn begin(const oauth::RelayedCall& call, TokenRound& round);
  void record(std::vector<Turn>& turns, TokenRound& round);
  base::Result<void> record_together(std::vector<Turn>& turns, TokenRound& round);
  http::Response end(Turn turn, TokenRound& round);
  void log(const oauth::RelayedCall& call, const oauth::Refusal& refusal);
  Response dispatch(const oauth::RelayedCall& call);
  Response tell(const oauth::RelayedCall& call);
  Response revoke(const oauth::RelayedCall& call, const ActiveCaller& caller);
  Response introspect_own(const oauth::RelayedCall& call, const ActiveCaller& caller);
  Response jwks();
  Response party_jwks(const std::string& path);
  oauth::Checked<std::optional<oauth::Grant>> grant_of(const std::string& token);
  Parts parts_;
  const OauthSettings settings_;
  TokenKeys keys_;
  Clients clients_;
  Authentication authentication_;
  Registration registration_;
  RefusalRecords records_;
  std::uint64_t refused_ = 0;
};

}  // namespace countersign::authority
