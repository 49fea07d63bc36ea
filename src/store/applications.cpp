#include "store/applications.h"

#include "store/sql.h"
#include "store/where.h"

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

struct FindApplication {
  explicit FindApplication(soci::session& sql)
      : statement(
            (sql.prepare << "SELECT name, server_names, suspended, created_at FROM applications" << kOneApplication,
             soci::use(row.key.environment, "environment"), soci::use(row.key.organisation, "organisation"),
             soci::use(row.key.application, "application"), soci::into(row.name), soci::into(server_names),
             soci::into(suspended), soci::into(created_at))) {}
  ApplicationRow finished() {
    row.server_names = split(server_names);
    row.suspended = suspended != 0;
    row.created_at = {created_at};
    return row;
  }
  ApplicationRow row;
  std::string server_names;
  int suspended = 0;
  long long created_at = 0;
  soci::statement statement;
};

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
  return run_kept<FindApplication>(transaction, "find an application",
                                   [&](FindApplication& find) -> std::optional<ApplicationRow> {
                                     find.row.key = key;
                                     find.statement.execute();
                                     std::optional<ApplicationRow> found;
                                     while (find.statement.fetch())
                                       found = find.finished();
                                     return found;
                                   });
}

base::Result<std::vector<ApplicationRow>> list_applications(Transaction& transaction, const ApplicationFilter& filter) {
  return run(transaction, "list applications", [&](soci::session& sql) {
    Where where;
    where.add_if("environment = ", filter.environment);
    where.add_if("organisation = ", filter.organisation);
    where.add_if("application = ", filter.application);
    soci::details::prepare_temp_type query =
        sql.prepare << "SELECT * FROM applications" + where.text() + " ORDER BY environment, organisation, application";
    where.bind(query);
    return collect<ApplicationRow>(query);
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
