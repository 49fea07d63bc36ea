#include "store/oauth_clients.h"

#include "store/sql.h"

STORE_ROW(OauthClientRow);
STORE_ROW(OauthSecretRow);

using countersign::store::OauthClientRow;
using countersign::store::OauthSecretRow;

void soci::type_conversion<OauthClientRow>::from_base(const soci::values& from, soci::indicator, OauthClientRow& row) {
  using namespace countersign::store;
  row = {application_key(from),          text(from, "state"),
         split(text(from, "methods")),   split(text(from, "scopes")),
         split(text(from, "audiences")), text(from, "claims"),
         text(from, "metadata"),         maybe_text(from, "registration_sha256"),
         text(from, "created_by"),       instant(from, "created_at"),
         instant(from, "updated_at"),    maybe_instant(from, "cut_at")};
}

void soci::type_conversion<OauthClientRow>::to_base(const OauthClientRow& row, soci::values& to,
                                                    soci::indicator& indicator) {
  using namespace countersign::store;
  put(to, row.key);
  put(to, "state", row.state);
  put(to, "methods", join(row.methods));
  put(to, "scopes", join(row.scopes));
  put(to, "audiences", join(row.audiences));
  put(to, "claims", row.claims);
  put(to, "metadata", row.metadata);
  put(to, "registration_sha256", row.registration_sha256);
  put(to, "created_by", row.created_by);
  put(to, "created_at", row.created_at);
  put(to, "updated_at", row.updated_at);
  put(to, "cut_at", row.cut_at);
  indicator = soci::i_ok;
}

void soci::type_conversion<OauthSecretRow>::from_base(const soci::values& from, soci::indicator, OauthSecretRow& row) {
  using namespace countersign::store;
  row = {text(from, "id"),         application_key(from),       text(from, "digest"),
         text(from, "created_by"), instant(from, "created_at"), maybe_instant(from, "cancelled_at")};
}

void soci::type_conversion<OauthSecretRow>::to_base(const OauthSecretRow& row, soci::values& to,
                                                    soci::indicator& indicator) {
  using namespace countersign::store;
  put(to, "id", row.id);
  put(to, row.key);
  put(to, "digest", row.digest);
  put(to, "created_by", row.created_by);
  put(to, "created_at", row.created_at);
  put(to, "cancelled_at", row.cancelled_at);
  indicator = soci::i_ok;
}

namespace countersign::store {

base::Result<void> insert(Transaction& transaction, const OauthClientRow& row) {
  return run(transaction, "store a client", [&](soci::session& sql) {
    sql << "INSERT INTO oauth_clients"
           " (environment, organisation, application, state, methods, scopes, audiences, claims, metadata,"
           " registration_sha256, created_by, created_at, updated_at, cut_at)"
           " VALUES (:environment, :organisation, :application, :state, :methods, :scopes, :audiences, :claims,"
           " :metadata, :registration_sha256, :created_by, :created_at, :updated_at, :cut_at)",
        soci::use(row);
  });
}

base::Result<std::optional<OauthClientRow>> find_oauth_client(Transaction& transaction, const ApplicationKey& key) {
  return run(transaction, "find a client", [&](soci::session& sql) {
    return first<OauthClientRow>((sql.prepare << "SELECT * FROM oauth_clients WHERE environment = :environment"
                                                 " AND organisation = :organisation AND application = :application",
                                  soci::use(key.environment, "environment"),
                                  soci::use(key.organisation, "organisation"),
                                  soci::use(key.application, "application")));
  });
}

base::Result<std::vector<OauthClientRow>> list_oauth_clients(Transaction& transaction,
                                                             const ApplicationFilter& filter) {
  return run(transaction, "list clients", [&](soci::session& sql) {
    return collect<OauthClientRow>(
        (sql.prepare << "SELECT * FROM oauth_clients WHERE (:environment = '' OR environment = :environment)"
                        " AND (:organisation = '' OR organisation = :organisation)"
                        " AND (:application = '' OR application = :application)"
                        " ORDER BY environment, organisation, application",
         soci::use(filter.environment, "environment"), soci::use(filter.organisation, "organisation"),
         soci::use(filter.application, "application")));
  });
}

base::Result<void> update(Transaction& transaction, const OauthClientRow& row) {
  return run(transaction, "change a client", [&](soci::session& sql) {
    soci::statement change =
        (sql.prepare << "UPDATE oauth_clients SET state = :state, methods = :methods, scopes = :scopes,"
                        " audiences = :audiences, claims = :claims, metadata = :metadata,"
                        " registration_sha256 = :registration_sha256, updated_at = :updated_at, cut_at = :cut_at"
                        " WHERE environment = :environment AND organisation = :organisation"
                        " AND application = :application",
         soci::use(row));
    change.execute(true);
  });
}

base::Result<void> remove_oauth_client(Transaction& transaction, const ApplicationKey& key) {
  return run(transaction, "remove a client", [&](soci::session& sql) {
    for (const char* table : {"oauth_secrets", "oauth_clients"})
      sql << "DELETE FROM " << table
          << " WHERE environment = :environment AND organisation = :organisation AND application = :application",
          soci::use(key.environment, "environment"), soci::use(key.organisation, "organisation"),
          soci::use(key.application, "application");
  });
}

base::Result<void> insert(Transaction& transaction, const OauthSecretRow& row) {
  return run(transaction, "store a client secret", [&](soci::session& sql) {
    sql << "INSERT INTO oauth_secrets (id, environment, organisation, application, digest, created_by, created_at)"
           " VALUES (:id, :environment, :organisation, :application, :digest, :created_by, :created_at)",
        soci::use(row);
  });
}

base::Result<std::vector<OauthSecretRow>> list_oauth_secrets(Transaction& transaction, const ApplicationKey& key) {
  return run(transaction, "list client secrets", [&](soci::session& sql) {
    return collect<OauthSecretRow>(
        (sql.prepare << "SELECT * FROM oauth_secrets WHERE environment = :environment AND organisation = :organisation"
                        " AND application = :application ORDER BY created_at DESC, id",
         soci::use(key.environment, "environment"), soci::use(key.organisation, "organisation"),
         soci::use(key.application, "application")));
  });
}

base::Result<void> cancel_oauth_secret(Transaction& transaction, const std::string& id, base::Instant at) {
  return run(transaction, "cancel a client secret", [&](soci::session& sql) {
    const long long micros = at.micros;
    sql << "UPDATE oauth_secrets SET cancelled_at = :at WHERE id = :id AND cancelled_at IS NULL",
        soci::use(micros, "at"), soci::use(id, "id");
  });
}

}  // namespace countersign::store
