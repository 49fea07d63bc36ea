#include "store/organisations.h"

#include "store/sql.h"

STORE_ROW(OrganisationRow);

void soci::type_conversion<countersign::store::OrganisationRow>::from_base(const soci::values& from, soci::indicator,
                                                                           countersign::store::OrganisationRow& row) {
  using namespace countersign::store;
  row = {text(from, "id"), text(from, "name"), flag(from, "suspended"), instant(from, "created_at")};
}

void soci::type_conversion<countersign::store::OrganisationRow>::to_base(const countersign::store::OrganisationRow& row,
                                                                         soci::values& to, soci::indicator& indicator) {
  using namespace countersign::store;
  put(to, "id", row.id);
  put(to, "name", row.name);
  put_flag(to, "suspended", row.suspended);
  put(to, "created_at", row.created_at);
  indicator = soci::i_ok;
}

namespace countersign::store {
namespace {

base::Result<void> set_suspended(Transaction& transaction, const std::string& id, int suspended) {
  return run(transaction, "change an organisation", [&](soci::session& sql) {
    sql << "UPDATE organisations SET suspended = :suspended WHERE id = :id", soci::use(suspended, "suspended"),
        soci::use(id, "id");
  });
}

struct FindOrganisation {
  explicit FindOrganisation(soci::session& sql)
      : statement((sql.prepare << "SELECT name, suspended, created_at FROM organisations WHERE id = :id",
                   soci::use(row.id, "id"), soci::into(row.name), soci::into(suspended), soci::into(created_at))) {}
  OrganisationRow finished() {
    row.suspended = suspended != 0;
    row.created_at = {created_at};
    return row;
  }
  OrganisationRow row;
  int suspended = 0;
  long long created_at = 0;
  soci::statement statement;
};

}  // namespace

base::Result<void> insert(Transaction& transaction, const OrganisationRow& row) {
  return run(transaction, "store an organisation", [&](soci::session& sql) {
    sql << "INSERT INTO organisations (id, name, suspended, created_at) VALUES (:id, :name, :suspended, :created_at)",
        soci::use(row);
  });
}

base::Result<std::optional<OrganisationRow>> find_organisation(Transaction& transaction, const std::string& id) {
  return run_kept<FindOrganisation>(transaction, "find an organisation",
                                    [&](FindOrganisation& find) -> std::optional<OrganisationRow> {
                                      find.row.id = id;
                                      find.statement.execute();
                                      std::optional<OrganisationRow> found;
                                      while (find.statement.fetch())
                                        found = find.finished();
                                      return found;
                                    });
}

base::Result<std::vector<OrganisationRow>> list_organisations(Transaction& transaction) {
  return run(transaction, "list organisations", [&](soci::session& sql) {
    return collect<OrganisationRow>(sql.prepare << "SELECT * FROM organisations ORDER BY id");
  });
}

base::Result<void> suspend_organisation(Transaction& transaction, const std::string& id) {
  return set_suspended(transaction, id, 1);
}

base::Result<void> resume_organisation(Transaction& transaction, const std::string& id) {
  return set_suspended(transaction, id, 0);
}

}  // namespace countersign::store
