#include "store/applications.h"

#include "store/sql.h"

STORE_ROW(ApplicationRow);

void soci::type_conversion<countersign::store::ApplicationRow>::from_base(const soci::values& from, soci::indicator,
                                                                          countersign::store::ApplicationRow& row) {
  using namespace countersign::store;
  row = {application_key(from), text(from, "name"), split(text(from, "server_names")), flag(from, "suspended"),
         instant(from, "created_at")};
}

void soci::type_conversion<countersign::store::ApplicationRow>::to_base(const countersign::store::ApplicationRow& row,
                                                                        soci::values& to, soci::indicator& indicator) {
  using namespace countersign::store;
  put(to, row.key);
  put(to, "name", row.name);
  put(to, "server_names", join(row.server_names));
  put_flag(to, "suspended", row.suspended);
  put(to, "created_at", row.created_at);
  indicator = soci::i_ok;
}

namespace countersign::store {
namespace {

constexpr const char* kOneApplication =
    " WHERE environment = :environment AND organisation = :organisation AND application = :application";

base::Result<void> set_suspended(Transaction& transaction, const ApplicationKey& key, int suspended) {
  return run(transaction, "change an application", [&](soci::session& sql) {
    sql << "UPDATE applications SET suspended = :suspended" << kOneApplication, soci::use(suspended, "suspended"),
        soci::use(key.environment, "environment"), soci::use(key.organisation, "organisation"),
        soci::use(key.application, "application");
  });
}

}  // namespace

base::Result<void> insert(Transaction& transaction, const ApplicationRow& row) {
  return run(transaction, "store an application", [&](soci::session& sql) {
    sql << "INSERT INTO applications (environment, organisation, application, name, server_names, suspended, "
           "created_at)"
           " VALUES (:environment, :organisation, :application, :name, :server_names, :suspended, :created_at)",
        soci::use(row);
  });
}

base::Result<std::optional<ApplicationRow>> find_application(Transaction& transaction, const ApplicationKey& key) {
  return run(transaction, "find an application", [&](soci::session& sql) {
    return first<ApplicationRow>(
        (sql.prepare << "SELECT * FROM applications" << kOneApplication, soci::use(key.environment, "environment"),
         soci::use(key.organisation, "organisation"), soci::use(key.application, "application")));
  });
}

base::Result<std::vector<ApplicationRow>> list_applications(Transaction& transaction, const ApplicationFilter& filter) {
  return run(transaction, "list applications", [&](soci::session& sql) {
    return collect<ApplicationRow>((sql.prepare << "SELECT * FROM applications"
                                                   " WHERE (:environment = '' OR environment = :environment)"
                                                   " AND (:organisation = '' OR organisation = :organisation)"
                                                   " AND (:application = '' OR application = :application)"
                                                   " ORDER BY environment, organisation, application",
                                    soci::use(filter.environment, "environment"),
                                    soci::use(filter.organisation, "organisation"),
                                    soci::use(filter.application, "application")));
  });
}

base::Result<void> suspend_application(Transaction& transaction, const ApplicationKey& key) {
  return set_suspended(transaction, key, 1);
}

base::Result<void> resume_application(Transaction& transaction, const ApplicationKey& key) {
  return set_suspended(transaction, key, 0);
}

base::Result<void> replace_server_names(Transaction& transaction, const ApplicationKey& key,
                                        const std::vector<std::string>& server_names) {
  return run(transaction, "change the server names of an application", [&](soci::session& sql) {
    const std::string joined = join(server_names);
    sql << "UPDATE applications SET server_names = :server_names" << kOneApplication, soci::use(joined, "server_names"),
        soci::use(key.environment, "environment"), soci::use(key.organisation, "organisation"),
        soci::use(key.application, "application");
  });
}

}  // namespace countersign::store
