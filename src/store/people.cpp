#include "store/people.h"

#include "store/sql.h"
#include "store/where.h"

STORE_ROW(PersonRoleRow);

void soci::type_conversion<countersign::store::PersonRoleRow>::from_base(const soci::values& from, soci::indicator,
                                                                         countersign::store::PersonRoleRow& row) {
  using namespace countersign::store;
  row = {text(from, "organisation"), text(from, "person"), text(from, "role"), text(from, "granted_by")};
}

void soci::type_conversion<countersign::store::PersonRoleRow>::to_base(const countersign::store::PersonRoleRow& row,
                                                                       soci::values& to, soci::indicator& indicator) {
  using namespace countersign::store;
  put(to, "organisation", row.organisation);
  put(to, "person", row.person);
  put(to, "role", row.role);
  put(to, "granted_by", row.granted_by);
  indicator = soci::i_ok;
}

namespace countersign::store {

base::Result<std::vector<PersonRoleRow>> list_person_roles(Transaction& transaction, const std::string& organisation,
                                                           const std::string& person) {
  return run(transaction, "list roles of people", [&](soci::session& sql) {
    Where where;
    where.add_if("organisation = ", organisation);
    where.add_if("person = ", person);
    soci::details::prepare_temp_type query =
        sql.prepare << "SELECT organisation, person, role, granted_by FROM person_roles" + where.text() +
                           " ORDER BY organisation, person, role";
    where.bind(query);
    return collect<PersonRoleRow>(query);
  });
}

base::Result<void> set_person_roles(Transaction& transaction, const PersonRoleRow& row,
                                    const std::vector<std::string>& roles) {
  return run(transaction, "write a person's roles", [&](soci::session& sql) {
    sql << "DELETE FROM person_roles WHERE organisation = :organisation AND person = :person",
        soci::use(row.organisation, "organisation"), soci::use(row.person, "person");
    PersonRoleRow one = row;
    for (const std::string& role : roles) {
      one.role = role;
      sql << "INSERT INTO person_roles (organisation, person, role, granted_by)"
             " VALUES (:organisation, :person, :role, :granted_by)",
          soci::use(one);
    }
  });
}

}  // namespace countersign::store
