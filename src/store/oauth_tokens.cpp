#include "store/oauth_tokens.h"

#include "store/sql.h"

STORE_ROW(OauthKeyRow);
STORE_ROW(OauthAssertionRow);
STORE_ROW(OauthRevocationRow);

using countersign::store::OauthAssertionRow;
using countersign::store::OauthKeyRow;
using countersign::store::OauthRevocationRow;

void soci::type_conversion<OauthKeyRow>::from_base(const soci::values& from, soci::indicator, OauthKeyRow& row) {
  using namespace countersign::store;
  row = {text(from, "kid"),
         text(from, "issuer"),
         text(from, "jwk"),
         text(from, "sealed"),
         instant(from, "created_at"),
         instant(from, "signs_from"),
         instant(from, "signs_until"),
         instant(from, "known_until")};
}

void soci::type_conversion<OauthKeyRow>::to_base(const OauthKeyRow& row, soci::values& to, soci::indicator& indicator) {
  using namespace countersign::store;
  put(to, "kid", row.kid);
  put(to, "issuer", row.issuer);
  put(to, "jwk", row.jwk);
  put(to, "sealed", row.sealed);
  put(to, "created_at", row.created_at);
  put(to, "signs_from", row.signs_from);
  put(to, "signs_until", row.signs_until);
  put(to, "known_until", row.known_until);
  indicator = soci::i_ok;
}

void soci::type_conversion<OauthAssertionRow>::from_base(const soci::values& from, soci::indicator,
                                                         OauthAssertionRow& row) {
  using namespace countersign::store;
  row = {text(from, "client"), text(from, "jti_sha256"), instant(from, "forgettable_at")};
}

void soci::type_conversion<OauthAssertionRow>::to_base(const OauthAssertionRow& row, soci::values& to,
                                                       soci::indicator& indicator) {
  using namespace countersign::store;
  put(to, "client", row.client);
  put(to, "jti_sha256", row.jti_sha256);
  put(to, "forgettable_at", row.forgettable_at);
  indicator = soci::i_ok;
}

void soci::type_conversion<OauthRevocationRow>::from_base(const soci::values& from, soci::indicator,
                                                          OauthRevocationRow& row) {
  using namespace countersign::store;
  row = {text(from, "token_id"), text(from, "client"), instant(from, "revoked_at"), instant(from, "expires_at")};
}

void soci::type_conversion<OauthRevocationRow>::to_base(const OauthRevocationRow& row, soci::values& to,
                                                        soci::indicator& indicator) {
  using namespace countersign::store;
  put(to, "token_id", row.token_id);
  put(to, "client", row.client);
  put(to, "revoked_at", row.revoked_at);
  put(to, "expires_at", row.expires_at);
  indicator = soci::i_ok;
}

namespace countersign::store {
namespace {

/// An INSERT that does nothing where the row is there already: was it new?
template <class Row>
bool insert_new(soci::session& sql, const char* statement, const Row& row) {
  soci::statement insert = (sql.prepare << statement, soci::use(row));
  insert.execute(true);
  return insert.get_affected_rows() == 1;
}

base::Result<void> forget(Transaction& transaction, const char* statement, base::Instant before) {
  return run(transaction, "forget what stood behind old tokens", [&](soci::session& sql) {
    const long long micros = before.micros;
    sql << statement, soci::use(micros, "before");
  });
}

}  // namespace

base::Result<void> insert(Transaction& transaction, const OauthKeyRow& row) {
  return run(transaction, "store a token key", [&](soci::session& sql) {
    sql << "INSERT INTO oauth_keys (kid, issuer, jwk, sealed, created_at, signs_from, signs_until, known_until)"
           " VALUES (:kid, :issuer, :jwk, :sealed, :created_at, :signs_from, :signs_until, :known_until)",
        soci::use(row);
  });
}

base::Result<std::vector<OauthKeyRow>> list_oauth_keys(Transaction& transaction, base::Instant now) {
  return run(transaction, "list token keys", [&](soci::session& sql) {
    const long long micros = now.micros;
    return collect<OauthKeyRow>(
        (sql.prepare << "SELECT * FROM oauth_keys WHERE known_until > :now ORDER BY signs_from, kid",
         soci::use(micros, "now")));
  });
}

base::Result<void> update(Transaction& transaction, const OauthKeyRow& row) {
  return run(transaction, "change a token key", [&](soci::session& sql) {
    soci::statement change =
        (sql.prepare << "UPDATE oauth_keys SET sealed = :sealed, signs_from = :signs_from, signs_until = :signs_until,"
                        " known_until = :known_until WHERE kid = :kid",
         soci::use(row));
    change.execute(true);
  });
}

base::Result<void> forget_oauth_keys(Transaction& transaction, base::Instant known_before) {
  return forget(transaction, "DELETE FROM oauth_keys WHERE known_until < :before", known_before);
}

base::Result<bool> use_oauth_assertion(Transaction& transaction, const OauthAssertionRow& row) {
  return run(transaction, "use an assertion", [&](soci::session& sql) {
    return insert_new(sql,
                      "INSERT INTO oauth_assertions (client, jti_sha256, forgettable_at)"
                      " VALUES (:client, :jti_sha256, :forgettable_at) ON CONFLICT DO NOTHING",
                      row);
  });
}

base::Result<void> forget_oauth_assertions(Transaction& transaction, base::Instant before) {
  return forget(transaction, "DELETE FROM oauth_assertions WHERE forgettable_at < :before", before);
}

base::Result<bool> revoke_oauth_token(Transaction& transaction, const OauthRevocationRow& row) {
  return run(transaction, "revoke a token", [&](soci::session& sql) {
    return insert_new(sql,
                      "INSERT INTO oauth_revocations (token_id, client, revoked_at, expires_at)"
                      " VALUES (:token_id, :client, :revoked_at, :expires_at) ON CONFLICT DO NOTHING",
                      row);
  });
}

base::Result<bool> is_oauth_token_revoked(Transaction& transaction, const std::string& token_id) {
  return run(transaction, "look for a revoked token", [&](soci::session& sql) {
    return first<OauthRevocationRow>(
               (sql.prepare << "SELECT * FROM oauth_revocations WHERE token_id = :id", soci::use(token_id, "id")))
        .has_value();
  });
}

base::Result<std::vector<OauthRevocationRow>> list_oauth_revocations(Transaction& transaction, base::Instant now) {
  return run(transaction, "list revoked tokens", [&](soci::session& sql) {
    const long long micros = now.micros;
    return collect<OauthRevocationRow>(
        (sql.prepare << "SELECT * FROM oauth_revocations WHERE expires_at > :now ORDER BY revoked_at, token_id",
         soci::use(micros, "now")));
  });
}

base::Result<void> forget_oauth_revocations(Transaction& transaction, base::Instant expired_before) {
  return forget(transaction, "DELETE FROM oauth_revocations WHERE expires_at < :before", expired_before);
}

}  // namespace countersign::store
