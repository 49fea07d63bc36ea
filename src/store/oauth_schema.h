// Private to store: the tables of the authorisation server, a step of migrations.cpp.
#pragma once

#include <array>

namespace countersign::store {

inline constexpr std::array kOauth = {
    "CREATE TABLE oauth_clients ("
    " environment TEXT NOT NULL,"
    " organisation TEXT NOT NULL,"
    " application TEXT NOT NULL,"
    " state TEXT NOT NULL CHECK (state IN ('active', 'disabled')),"
    " methods TEXT NOT NULL,"
    " scopes TEXT NOT NULL,"
    " audiences TEXT NOT NULL,"
    " claims TEXT NOT NULL,"
    " metadata TEXT NOT NULL,"
    " registration_sha256 TEXT,"
    " created_by TEXT NOT NULL,"
    " created_at BIGINT NOT NULL,"
    " updated_at BIGINT NOT NULL,"
    " cut_at BIGINT,"
    " PRIMARY KEY (environment, organisation, application),"
    " FOREIGN KEY (environment, organisation, application)"
    "  REFERENCES applications (environment, organisation, application))",

    "CREATE TABLE oauth_secrets ("
    " id TEXT NOT NULL PRIMARY KEY,"
    " environment TEXT NOT NULL,"
    " organisation TEXT NOT NULL,"
    " application TEXT NOT NULL,"
    " digest TEXT NOT NULL,"
    " created_by TEXT NOT NULL,"
    " created_at BIGINT NOT NULL,"
    " cancelled_at BIGINT,"
    " FOREIGN KEY (environment, organisation, application)"
    "  REFERENCES oauth_clients (environment, organisation, application))",
    "CREATE INDEX oauth_secrets_by_client ON oauth_secrets (environment, organisation, application)",

    "CREATE TABLE oauth_assertions ("
    " client TEXT NOT NULL,"
    " jti_sha256 TEXT NOT NULL,"
    " forgettable_at BIGINT NOT NULL,"
    " PRIMARY KEY (client, jti_sha256))",
    "CREATE INDEX oauth_assertions_by_end ON oauth_assertions (forgettable_at)",

    "CREATE TABLE oauth_keys ("
    " kid TEXT NOT NULL PRIMARY KEY,"
    " issuer TEXT NOT NULL,"
    " jwk TEXT NOT NULL,"
    " sealed TEXT NOT NULL,"
    " created_at BIGINT NOT NULL,"
    " signs_from BIGINT NOT NULL,"
    " signs_until BIGINT NOT NULL,"
    " known_until BIGINT NOT NULL)",

    "CREATE TABLE oauth_revocations ("
    " token_id TEXT NOT NULL PRIMARY KEY,"
    " client TEXT NOT NULL,"
    " revoked_at BIGINT NOT NULL,"
    " expires_at BIGINT NOT NULL)",
    "CREATE INDEX oauth_revocations_by_end ON oauth_revocations (expires_at)",
};

}  // namespace countersign::store
