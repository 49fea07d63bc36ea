#include "store/migrations.h"

#include <array>
#include <exception>
#include <set>
#include <span>

#include "store/ehi_schema.h"
#include "store/oauth_schema.h"
#include "store/refusals_schema.h"
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

// crl_shards is what every issuing CA of before had: none of their certificates names a CRL yet.
constexpr std::array kRevocationStatus = {
    "ALTER TABLE issuing_cas ADD COLUMN crl_shards BIGINT NOT NULL DEFAULT 64",
    "ALTER TABLE certificates ADD COLUMN crl_shard BIGINT",
    "CREATE INDEX certificates_revoked ON certificates (issuer, crl_shard, serial, not_after, revoked_at, revoked_for)"
    " WHERE revoked_at IS NOT NULL",

    "CREATE TABLE crls ("
    " issuer TEXT NOT NULL,"
    " shard BIGINT NOT NULL,"
    " number BIGINT NOT NULL,"
    " this_update BIGINT NOT NULL,"
    " next_update BIGINT NOT NULL,"
    " tbs_sha256 TEXT NOT NULL,"
    " feed_sequence BIGINT NOT NULL,"
    " published_number BIGINT,"
    " published_this_update BIGINT,"
    " published_next_update BIGINT,"
    " der TEXT,"
    " PRIMARY KEY (issuer, shard))",

    "CREATE TABLE status_urls ("
    " url TEXT NOT NULL PRIMARY KEY,"
    " last_used BIGINT NOT NULL)",
};

constexpr std::array kAcme = {
    "CREATE TABLE acme_credentials ("
    " kid TEXT NOT NULL PRIMARY KEY,"
    " environment TEXT NOT NULL,"
    " organisation TEXT NOT NULL,"
    " application TEXT NOT NULL,"
    " purposes TEXT NOT NULL,"
    " created_by TEXT NOT NULL,"
    " created_at BIGINT NOT NULL,"
    " expires_at BIGINT NOT NULL,"
    " cancelled_at BIGINT,"
    " account TEXT,"
    " FOREIGN KEY (environment, organisation, application)"
    "  REFERENCES applications (environment, organisation, application))",
    "CREATE INDEX acme_credentials_by_application ON acme_credentials (environment, organisation, application)",

    "CREATE TABLE acme_accounts ("
    " id TEXT NOT NULL PRIMARY KEY,"
    " thumbprint TEXT NOT NULL UNIQUE,"
    " jwk TEXT NOT NULL,"
    " status TEXT NOT NULL CHECK (status IN ('valid', 'deactivated', 'revoked')),"
    " contact TEXT NOT NULL,"
    " environment TEXT NOT NULL,"
    " organisation TEXT NOT NULL,"
    " application TEXT NOT NULL,"
    " purposes TEXT NOT NULL,"
    " kid TEXT NOT NULL REFERENCES acme_credentials (kid),"
    " created_at BIGINT NOT NULL,"
    " FOREIGN KEY (environment, organisation, application)"
    "  REFERENCES applications (environment, organisation, application))",

    "CREATE TABLE acme_orders ("
    " id TEXT NOT NULL PRIMARY KEY,"
    " account TEXT NOT NULL REFERENCES acme_accounts (id),"
    " purpose TEXT NOT NULL,"
    " identifiers TEXT NOT NULL,"
    " status TEXT NOT NULL CHECK (status IN ('ready', 'processing', 'valid', 'invalid')),"
    " csr TEXT,"
    " error TEXT,"
    " serial TEXT REFERENCES certificates (serial),"
    " replaces TEXT REFERENCES certificates (serial),"
    " created_at BIGINT NOT NULL,"
    " expires_at BIGINT NOT NULL)",
    "CREATE INDEX acme_orders_by_account ON acme_orders (account, created_at)",
    "CREATE INDEX acme_orders_by_replaced ON acme_orders (replaces)",
    "CREATE INDEX acme_orders_by_end ON acme_orders (expires_at)",
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

constexpr std::array kNotices = {
    "CREATE TABLE contacts ("
    " id TEXT NOT NULL PRIMARY KEY,"
    " organisation TEXT NOT NULL REFERENCES organisations (id),"
    " environment TEXT,"
    " application TEXT,"
    " kind TEXT NOT NULL CHECK (kind IN ('email', 'webhook')),"
    " address TEXT NOT NULL,"
    " created_by TEXT NOT NULL,"
    " created_at BIGINT NOT NULL,"
    " removed_at BIGINT)",
    "CREATE INDEX contacts_by_organisation ON contacts (organisation)",

    "CREATE TABLE notices ("
    " serial TEXT NOT NULL,"
    " threshold BIGINT NOT NULL,"
    " ends_at BIGINT NOT NULL,"
    " noted_at BIGINT NOT NULL,"
    " PRIMARY KEY (serial, threshold))",

    "CREATE TABLE letters ("
    " id TEXT NOT NULL PRIMARY KEY,"
    " channel TEXT NOT NULL CHECK (channel IN ('mail', 'webhook')),"
    " contact TEXT REFERENCES contacts (id),"
    " recipient TEXT NOT NULL,"
    " subject TEXT NOT NULL,"
    " body TEXT NOT NULL,"
    " serial TEXT,"
    " state TEXT NOT NULL CHECK (state IN ('pending', 'sent', 'given_up', 'dropped')),"
    " attempts BIGINT NOT NULL,"
    " created_at BIGINT NOT NULL,"
    " next_attempt_at BIGINT NOT NULL,"
    " decided_at BIGINT,"
    " last_error TEXT)",
    "CREATE INDEX letters_by_attempt ON letters (state, channel, next_attempt_at)",
    "CREATE INDEX letters_by_contact ON letters (contact)",
    "CREATE INDEX letters_by_age ON letters (created_at)",
};

/// A million certificates: each search has an index that ends in the order of its list, and what an authority looks for
/// at its start is found without reading them all.
constexpr std::array kSearches = {
    "DROP INDEX certificates_by_application",
    "DROP INDEX certificates_by_not_after",
    "CREATE INDEX certificates_by_application ON certificates"
    " (environment, organisation, application, issued_at DESC, serial)",
    "CREATE INDEX certificates_by_organisation ON certificates (organisation, issued_at DESC, serial)",
    "CREATE INDEX certificates_by_organisation_end ON certificates (organisation, not_after DESC, serial)",
    "CREATE INDEX certificates_by_environment ON certificates (environment, issued_at DESC, serial)",
    "CREATE INDEX certificates_by_purpose ON certificates (purpose, issued_at DESC, serial)",
    "CREATE INDEX certificates_by_issue ON certificates (issued_at DESC, serial)",
    "CREATE INDEX certificates_by_not_after ON certificates (not_after DESC, serial)",
    "CREATE INDEX certificates_revoked_by_issue ON certificates (issued_at DESC, serial) WHERE revoked_at IS NOT NULL",
    "CREATE INDEX certificates_revoked_by_purpose ON certificates (purpose, issued_at DESC, serial)"
    " WHERE revoked_at IS NOT NULL",
    "CREATE INDEX certificates_revoked_by_environment ON certificates (environment, issued_at DESC, serial)"
    " WHERE revoked_at IS NOT NULL",
    "CREATE INDEX certificates_unsharded ON certificates (serial) WHERE crl_shard IS NULL",

    "DROP INDEX issuances_by_state",
    "CREATE INDEX issuances_open ON issuances (recorded_at, serial) WHERE state = 'recorded'",

    "CREATE INDEX applications_by_organisation ON applications (organisation, environment, application)",

    "DROP INDEX requests_by_state",
    "CREATE INDEX requests_by_state ON requests (state, created_at DESC, id)",
    "CREATE INDEX requests_by_age ON requests (created_at DESC, id)",
    "CREATE INDEX requests_by_organisation ON requests (organisation, created_at DESC, id)",

    "DROP INDEX letters_by_age",
    "CREATE INDEX letters_by_age ON letters (created_at DESC, id)",
    "CREATE INDEX letters_by_state ON letters (state, created_at DESC, id)",
};

// line, generation: the role that a CA has, and which one after the other it is in it.
constexpr std::array kCaRotation = {
    "ALTER TABLE issuing_cas ADD COLUMN line TEXT",
    "ALTER TABLE issuing_cas ADD COLUMN generation BIGINT NOT NULL DEFAULT 1",
    "ALTER TABLE issuing_cas ADD COLUMN state TEXT NOT NULL DEFAULT 'active'",
    "ALTER TABLE issuing_cas ADD COLUMN state_since BIGINT",
    "UPDATE issuing_cas SET line = name, state_since = created_at",
    "CREATE UNIQUE INDEX issuing_cas_active ON issuing_cas (line) WHERE state = 'active'",
    "CREATE UNIQUE INDEX issuing_cas_generations ON issuing_cas (line, generation)",

    "CREATE TABLE prospective_cas ("
    " name TEXT NOT NULL PRIMARY KEY,"
    " line TEXT NOT NULL,"
    " generation BIGINT NOT NULL,"
    " state TEXT NOT NULL CHECK (state IN ('making', 'waiting', 'certified', 'cancelled')),"
    " key_kind TEXT NOT NULL,"
    " csr TEXT NOT NULL,"
    " spki_sha256 TEXT NOT NULL,"
    " tbs_sha256 TEXT NOT NULL,"
    " created_by TEXT NOT NULL,"
    " created_at BIGINT NOT NULL)",

    "CREATE TABLE followers ("
    " serial TEXT NOT NULL PRIMARY KEY,"
    " caller TEXT NOT NULL,"
    " holds TEXT NOT NULL,"
    " seen_at BIGINT NOT NULL)",

    "ALTER TABLE instances ADD COLUMN ca_keys TEXT",
    "CREATE INDEX certificates_by_issuer ON certificates (issuer, not_after)",
};

// Who was an operator before there were roles could do everything, and still can.
constexpr const char* kOperatorRoles[] = {
    "CREATE TABLE operator_roles ("
    " operator TEXT NOT NULL,"
    " role TEXT NOT NULL CHECK (role IN ('registrar', 'approver', 'revoker', 'administrator')),"
    " PRIMARY KEY (operator, role))",
    "INSERT INTO operator_roles (operator, role) SELECT application, 'administrator' FROM applications"
    " WHERE environment = 'internal' AND organisation = 'operator'",
};

// People of partners; roots that follow each other, and what old ones say of new ones.
constexpr const char* kPeopleAndRoots[] = {
    "CREATE TABLE person_roles ("
    " organisation TEXT NOT NULL,"
    " person TEXT NOT NULL,"
    " role TEXT NOT NULL CHECK (role IN ('requester', 'revoker')),"
    " granted_by TEXT NOT NULL,"
    " PRIMARY KEY (organisation, person, role))",

    "ALTER TABLE roots ADD COLUMN line TEXT",
    "ALTER TABLE roots ADD COLUMN generation BIGINT NOT NULL DEFAULT 1",
    "ALTER TABLE roots ADD COLUMN state TEXT NOT NULL DEFAULT 'trusted'",
    "UPDATE roots SET line = name",
    "CREATE UNIQUE INDEX roots_generations ON roots (line, generation)",

    "CREATE TABLE cross_certificates ("
    " root TEXT NOT NULL REFERENCES roots (name),"
    " issuer TEXT NOT NULL REFERENCES roots (name),"
    " der TEXT NOT NULL,"
    " created_at BIGINT NOT NULL,"
    " PRIMARY KEY (root, issuer))",
};

// An issuance into a large registry is slow by the pages of indexes that it writes to: each by a random key is another
// one. Whether a key was compromised is asked of those revoked, and which certificates it has of their intents.
constexpr const char* kFewerIndexes[] = {
    "DROP INDEX certificates_by_key",
    "CREATE INDEX certificates_revoked_by_key ON certificates (spki_sha256, revoked_for) WHERE revoked_at IS NOT NULL",
    "DROP INDEX certificates_by_replaces",
    "CREATE INDEX certificates_by_replaces ON certificates (replaces) WHERE replaces IS NOT NULL",
};

// trouble_of: the server whose trouble a letter tells, which is not to be sent once that is over. What went wrong is
// for operators, and its code for everybody.
constexpr const char* kLettersOfTrouble[] = {
    "ALTER TABLE letters ADD COLUMN trouble_of TEXT",
    "ALTER TABLE letters ADD COLUMN last_error_code TEXT",
};

// One a line; a number that was released is never used for anything else.
constexpr std::array kMigrations = {
    Migration{1, "first", kFirstStatements},                   //
    Migration{2, "cancelled_codes", kCancelledCodes},          //
    Migration{3, "approvals_and_renewals", kApprovals},        //
    Migration{4, "revocation_status", kRevocationStatus},      //
    Migration{5, "several_authorities", kSeveralAuthorities},  //
    Migration{6, "acme", kAcme},                               //
    Migration{7, "certificate_log", kCertificateLog},          //
    Migration{8, "notices", kNotices},                         //
    Migration{9, "ca_rotation", kCaRotation},                  //
    Migration{10, "searches", kSearches},                      //
    Migration{11, "operator_roles", kOperatorRoles},           //
    Migration{12, "people_and_roots", kPeopleAndRoots},        //
    Migration{13, "oauth", kOauth},                            //
    Migration{14, "fewer_indexes", kFewerIndexes},             //
    Migration{15, "ehi_servers", kEhiServers},                 //
    Migration{16, "refusals", kRefusals},                      //
    Migration{17, "ehi_troubles", kEhiTroubles},               //
    Migration{18, "letters_of_trouble", kLettersOfTrouble},    //
};

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
      for (const std::string& statement : say_migration(dialect, migration.number))
        sql << statement;
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
