#include "store/operator_roles.h"

#include "store/sql.h"

STORE_ROW(OperatorRoleRow);

void soci::type_conversion<countersign::store::OperatorRoleRow>::from_base(const soci::values& from, soci::indicator,
                                                                           countersign::store::OperatorRoleRow& row) {
  row.operator_name = countersign::store::text(from, "operator");
  row.role = countersign::store::text(from, "role");
}

void soci::type_conversion<countersign::store::OperatorRoleRow>::to_base(const countersign::store::OperatorRoleRow& row,
                                                                         soci::values& to, soci::indicator& indicator) {
  countersign::store::put(to, "operator", row.operator_name);
  countersign::store::put(to, "role", row.role);
  indicator = soci::i_ok;
}

namespace countersign::store {

base::Result<std::vector<OperatorRoleRow>> list_operator_roles(Transaction& transaction,
                                                               const std::string& operator_name) {
  return run(transaction, "list roles of operators", [&](soci::session& sql) {
    return collect<OperatorRoleRow>((sql.prepare
                                         << "SELECT operator, role FROM operator_roles WHERE operator = :operator"
                                            " ORDER BY role",
                                     soci::use(operator_name, "operator")));
  });
}

base::Result<void> set_operator_roles(Transaction& transaction, const std::string& operator_name,
                                      const std::vector<std::string>& roles) {
  return run(transaction, "write an operator's roles", [&](soci::session& sql) {
    sql << "DELETE FROM operator_roles WHERE operator = :operator", soci::use(operator_name, "operator");
    for (const std::string& role : roles)
      sql << "INSERT INTO operator_roles (operator, role) VALUES (:operator, :role)",
          soci::use(operator_name, "operator"), soci::use(role, "role");
  });
}

}  // namespace countersign::store
