#include "store/settings.h"

#include "store/sql.h"

namespace countersign::store {

base::Result<std::optional<std::string>> find_setting(Transaction& transaction, const std::string& name) {
  return run(transaction, "read a setting", [&](soci::session& sql) -> std::optional<std::string> {
    std::string value;
    sql << "SELECT value FROM settings WHERE name = :name", soci::use(name, "name"), soci::into(value);
    if (!sql.got_data()) return std::nullopt;
    return value;
  });
}

base::Result<void> set_setting(Transaction& transaction, const std::string& name, const std::string& value) {
  return run(transaction, "write a setting", [&](soci::session& sql) {
    sql << "INSERT INTO settings (name, value) VALUES (:name, :value)"
           " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        soci::use(name, "name"), soci::use(value, "value");
  });
}

}  // namespace countersign::store
