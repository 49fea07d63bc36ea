#include "store/instances.h"

#include "store/sql.h"

STORE_ROW(InstanceRow);

void soci::type_conversion<countersign::store::InstanceRow>::from_base(const soci::values& from, soci::indicator,
                                                                       countersign::store::InstanceRow& row) {
  using namespace countersign::store;
  row = {text(from, "id"), text(from, "label"), instant(from, "started_at"), instant(from, "seen_at")};
  row.ca_keys = split(maybe_text(from, "ca_keys").value_or("[]"));
}

void soci::type_conversion<countersign::store::InstanceRow>::to_base(const countersign::store::InstanceRow& row,
                                                                     soci::values& to, soci::indicator& indicator) {
  using namespace countersign::store;
  put(to, "id", row.id);
  put(to, "label", row.label);
  put(to, "started_at", row.started_at);
  put(to, "seen_at", row.seen_at);
  put(to, "ca_keys", join(row.ca_keys));
  indicator = soci::i_ok;
}

namespace countersign::store {

base::Result<void> put_instance(Transaction& transaction, const InstanceRow& row) {
  return run(transaction, "store an instance", [&](soci::session& sql) {
    sql << "INSERT INTO instances (id, label, started_at, seen_at, ca_keys)"
           " VALUES (:id, :label, :started_at, :seen_at, :ca_keys)"
           " ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at, ca_keys = excluded.ca_keys",
        soci::use(row);
  });
}

base::Result<std::vector<InstanceRow>> list_instances(Transaction& transaction) {
  return run(transaction, "list instances", [](soci::session& sql) {
    return collect<InstanceRow>(sql.prepare << "SELECT * FROM instances ORDER BY id");
  });
}

base::Result<void> remove_instance(Transaction& transaction, const std::string& id) {
  return run(transaction, "remove an instance",
             [&](soci::session& sql) { sql << "DELETE FROM instances WHERE id = :id", soci::use(id, "id"); });
}

}  // namespace countersign::store
