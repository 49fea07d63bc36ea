// Registration: an application registers itself as a client (RFC 7591), with a software statement that the provider
// made for it, and looks after what it says of itself (RFC 7592).
//
// The statement carries what the provider decides; the rest of the metadata is the client's own, kept whole - what is
// not understood here, too - and given back as it came. Neither changes the other.
#pragma once

#include "authority/oauth/authentication.h"
#include "authority/oauth/token_keys.h"

namespace countersign::authority {

inline constexpr std::size_t kMetadataLimit = 16 * 1024;
inline constexpr base::Duration kStatementLife = std::chrono::hours(24 * 7);

class Registration {
 public:
  /// Borrowed.
  struct Parts {
    Ledger& ledger;
    crypto::Random& random;
    const OauthSettings& settings;
    TokenKeys& keys;
    Clients& clients;
  };
  explicit Registration(const Parts& parts) : parts_(parts) {}

  /// A statement by which the application may register once, with these rules, within kStatementLife (RFC 7591 section
  /// 2.3). Fails: `application.unknown`, `client.*` as Clients::put, as TokenKeys::signing.
  base::Result<std::string> make_statement(const Actor& actor, const base::Identity& identity,
                                           const ClientRules& rules);

  /// POST /oauth2/register. Fails: malformed_request, statement_refused, metadata_refused, unavailable.
  oauth::Checked<http::Response> create(const oauth::RelayedCall& call, const ActiveCaller& caller);
  /// GET, PUT and DELETE /oauth2/register/CLIENT. Fails: registration_refused, and as create.
  oauth::Checked<http::Response> manage(const oauth::RelayedCall& call, const ActiveCaller& caller);

 private:
  struct Statement;
  oauth::Checked<Statement> read_statement(const std::string& text, const ActiveCaller& caller);
  oauth::Checked<store::OauthClientRow> open(const oauth::RelayedCall& call, const ActiveCaller& caller);
  oauth::Checked<http::Response> replace(const oauth::RelayedCall& call, const ActiveCaller& caller,
                                         store::OauthClientRow row);
  oauth::Checked<http::Response> remove(const ActiveCaller& caller, store::OauthClientRow row);
  /// False where the statement counts no more: nothing was changed.
  base::Result<bool> store_registered(const ActiveCaller& caller, store::OauthClientRow row,
                                      const Statement& statement);
  base::json::object to_json(const store::OauthClientRow& row) const;
  Parts parts_;
};

}  // namespace countersign::authority
