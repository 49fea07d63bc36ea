#include "store/migrations.h"

#include <array>
#include <set>
#include <span>

#include "store/sql.h"

namespace countersign::store {
namespace {

struct Migration {
  int number;
  const char* name;
  std::span<const char* const> statements;
};

constexpr std::array kFirstStatements = {
    "CREATE TABLE organisations ("
    " id TEXT NOT NULL PRIMARY KEY,"
    " name TEXT NOT NULL,"
    " suspended INTEGER NOT NULL,"
    " created_at BIGINT NOT NULL)",

    "CREATE TABLE applications ("
    " environment TEXT NOT NULL,"
    " organisation TEXT NOT NULL REFERENCES organisations (id),"
    " application TEXT NOT NULL,"
    " name TEXT NOT NULL,"
    " server_names TEXT NOT NULL,"
    " suspended INTEGER NOT NULL,"
    " created_at BIGINT NOT NULL,"
    " PRIMARY KEY (environment, organisation, application))",

    "CREATE TABLE enrolment_codes ("
    " code_sha256 TEXT NOT NULL PRIMARY KEY,"
    " environment TEXT NOT NULL,"
    " organisation TEXT NOT NULL,"
    " application TEXT NOT NULL,"
    " created_by TEXT NOT NULL,"
    " created_at BIGINT NOT NULL,"
    " expires_at BIGINT NOT NULL,"
    " FOREIGN KEY (environment, organisation, application)"
    "  REFERENCES applications (environment, organisation, application))",

    "CREATE TABLE roots ("
    " name TEXT NOT NULL PRIMARY KEY,"
    " der TEXT NOT NULL,"
    " created_at BIGINT NOT NULL)",

    "CREATE TABLE issuing_cas ("
    " name TEXT NOT NULL PRIMARY KEY,"
    " root TEXT NOT NULL REFERENCES roots (name),"
    " environment TEXT NOT NULL,"
    " purposes TEXT NOT NULL,"
    " der TEXT NOT NULL,"
    " created_at BIGINT NOT NULL)",

    "CREATE TABLE issuances ("
    " serial TEXT NOT NULL PRIMARY KEY,"
    " environment TEXT NOT NULL,"
    " organisation TEXT NOT NULL,"
    " application TEXT NOT NULL,"
    " purpose TEXT NOT NULL,"
    " names TEXT NOT NULL,"
    " spki_sha256 TEXT NOT NULL,"
    " tbs_sha256 TEXT NOT NULL,"
    " issuer TEXT NOT NULL REFERENCES issuing_cas (name),"
    " requested_by TEXT NOT NULL,"
    " state TEXT NOT NULL CHECK (state IN ('recorded', 'issued', 'abandoned')),"
    " recorded_at BIGINT NOT NULL,"
    " finished_at BIGINT,"
    " FOREIGN KEY (environment, organisation, application)"
    "  REFERENCES applications (environment, organisation, application))",
    "CREATE INDEX issuances_by_key ON issuances (spki_sha256)",
    "CREATE INDEX issuances_by_state ON issuances (state)",

    "CREATE TABLE certificates ("
    " serial TEXT NOT NULL PRIMARY KEY REFERENCES issuances (serial),"
    " fingerprint TEXT NOT NULL UNIQUE,"
    " spki_sha256 TEXT NOT NULL,"
    " der TEXT NOT NULL,"
    " environment TEXT NOT NULL,"
    " organisation TEXT NOT NULL,"
    " application TEXT NOT NULL,"
    " purpose TEXT NOT NULL,"
    " issuer TEXT NOT NULL REFERENCES issuing_cas (name),"
    " issued_at BIGINT NOT NULL,"
    " not_before BIGINT NOT NULL,"
    " not_after BIGINT NOT NULL,"
    " revoked_at BIGINT,"
    " revoked_for TEXT,"
    " FOREIGN KEY (environment, organisation, application)"
    "  REFERENCES applications (environment, organisation, application))",
    "CREATE INDEX certificates_by_key ON certificates (spki_sha256)",
    "CREATE INDEX certificates_by_application ON certificates (environment, organisation, application)",
    "CREATE INDEX certificates_by_not_after ON certificates (not_after)",

    "CREATE TABLE redemptions ("
    " code_sha256 TEXT NOT NULL REFERENCES enrolment_codes (code_sha256),"
    " purpose TEXT NOT NULL,"
    " spki_sha256 TEXT,"
    " serial TEXT REFERENCES certificates (serial),"
    " PRIMARY KEY (code_sha256, purpose))",

    "CREATE TABLE audit ("
    " sequence BIGINT NOT NULL PRIMARY KEY,"
    " at BIGINT NOT NULL,"
    " actor TEXT NOT NULL,"
    " action TEXT NOT NULL,"
    " subject TEXT NOT NULL,"
    " detail TEXT NOT NULL,"
    " previous TEXT NOT NULL,"
    " hash TEXT NOT NULL)",

    "CREATE TABLE feed_changes ("
    " sequence BIGINT NOT NULL PRIMARY KEY,"
    " published_at BIGINT NOT NULL,"
    " fact TEXT NOT NULL)",

    "CREATE TABLE counters ("
    " name TEXT NOT NULL PRIMARY KEY,"
    " value BIGINT NOT NULL)",
    "INSERT INTO counters (name, value) VALUES ('feed', 0)",

    "CREATE TABLE settings ("
    " name TEXT NOT NULL PRIMARY KEY,"
    " value TEXT NOT NULL)",
};

constexpr std::array kCancelledCodes = {
    "ALTER TABLE enrolment_codes ADD COLUMN cancelled_at BIGINT",
    "CREATE INDEX enrolment_codes_by_application ON enrolment_codes (environment, organisation, application)",
};

/// What amendments take the lock of on PostgreSQL, and the authorities that share a registry: whose an open intent is.
constexpr std::array kSeveralAuthorities = {
    "INSERT INTO counters (name, value) VALUES ('amendments', 0)",
    "CREATE TABLE instances ("
    " id TEXT NOT NULL PRIMARY KEY,"
    " label TEXT NOT NULL,"
    " started_at BIGINT NOT NULL,"
    " seen_at BIGINT NOT NULL)",
    "ALTER TABLE issuances ADD COLUMN instance TEXT",
};

constexpr std::array kApprovals = {
    "CREATE TABLE requests ("
    " id TEXT NOT NULL PRIMARY KEY,"
    " environment TEXT NOT NULL,"
    " organisation TEXT NOT NULL,"
    " application TEXT NOT NULL,"
    " purpose TEXT NOT NULL,"
    " spki_sha256 TEXT NOT NULL,"
    " content TEXT NOT NULL,"
    " content_sha256 TEXT NOT NULL,"
    " requested_by TEXT NOT NULL,"
    " sponsor TEXT,"
    " needed BIGINT NOT NULL,"
    " state TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'issued', 'refused')),"
    " created_at BIGINT NOT NULL,"
    " expires_at BIGINT NOT NULL,"
    " decided_at BIGINT,"
    " refusal TEXT,"
    " serial TEXT REFERENCES issuances (serial),"
    " FOREIGN KEY (environment, organisation, application)"
    "  REFERENCES applications (environment, organisation, application))",
    "CREATE INDEX requests_by_key ON requests (spki_sha256)",
    "CREATE INDEX requests_by_state ON requests (state, created_at)",

    "CREATE TABLE approvals ("
    " request TEXT NOT NULL REFERENCES requests (id),"
    " approver TEXT NOT NULL,"
    " content_sha256 TEXT NOT NULL,"
    " comment TEXT NOT NULL,"
    " at BIGINT NOT NULL,"
    " PRIMARY KEY (request, approver))",

    "ALTER TABLE certificates ADD COLUMN replaces TEXT",
    "ALTER TABLE certificates ADD COLUMN first_seen_at BIGINT",
    "CREATE INDEX certificates_by_replaces ON certificates (replaces)",
};

constexpr std::array kCertificateLog = {
    "CREATE TABLE merkle_leaves ("
    " number BIGINT NOT NULL PRIMARY KEY,"
    " serial TEXT NOT NULL UNIQUE REFERENCES certificates (serial))",

    "CREATE TABLE merkle_nodes ("
    " level BIGINT NOT NULL,"
    " number BIGINT NOT NULL,"
    " hash TEXT NOT NULL,"
    " PRIMARY KEY (level, number))",
};

constexpr std::array kMigrations = {
    Migration{1, "first", kFirstStatements}, Migration{2, "cancelled_codes", kCancelledCodes},
    Migration{3, "approvals_and_renewals", kApprovals}, Migration{5, "several_authorities", kSeveralAuthorities},
    Migration{7, "certificate_log", kCertificateLog}};

std::set<int> find_applied(soci::session& sql, Dialect dialect) {
  sql << to_dialect(dialect,
                    "CREATE TABLE IF NOT EXISTS migrations (number INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL)");
  soci::rowset<int> numbers = (sql.prepare << "SELECT number FROM migrations");
  return {numbers.begin(), numbers.end()};
}

}  // namespace

base::Result<void> migrate(soci::session& sql, Dialect dialect) {
  try {
    soci::transaction transaction(sql);
    for (const char* statement : before_migration(dialect))
      sql << statement;
    const std::set<int> applied = find_applied(sql, dialect);
    if (!applied.empty() && *applied.rbegin() > kMigrations.back().number)
      return base::fail(base::Kind::conflict, "store.too_new",
                        "the registry was made by a newer Countersign (schema " + std::to_string(*applied.rbegin()) +
                            ", this one knows " + std::to_string(kMigrations.back().number) +
                            "): run that version, or restore a backup");
    for (const Migration& migration : kMigrations) {
      if (applied.contains(migration.number)) continue;
      for (const char* statement : migration.statements)
        sql << to_dialect(dialect, statement);
      const std::string name = migration.name;  // borrowed until the statement has run
      sql << "INSERT INTO migrations (number, name) VALUES (:number, :name)", soci::use(migration.number, "number"),
          soci::use(name, "name");
    }
    transaction.commit();
    return {};
  } catch (const std::exception& thrown) {
    return base::unexpected(to_error(thrown, "bring the schema up to date"));
  }
}

}  // namespace countersign::store
