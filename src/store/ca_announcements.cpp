#include "store/ca_announcements.h"

#include "store/sql.h"

namespace countersign::store {

base::Result<void> insert(Transaction& transaction, const CaAnnouncementRow& row) {
  return run(transaction, "note that a CA was announced", [&](soci::session& sql) {
    const long long at = row.written_at.micros;
    sql << "INSERT INTO ca_announcements (ca, organisation, written_at) VALUES (:ca, :organisation, :at)",
        soci::use(row.ca, "ca"), soci::use(row.organisation, "organisation"), soci::use(at, "at");
  });
}

base::Result<std::vector<std::string>> list_unannounced(Transaction& transaction, const std::string& ca, int limit) {
  return run(transaction, "list whom a CA is to be announced to", [&](soci::session& sql) {
    soci::rowset<std::string> organisations =
        (sql.prepare << "SELECT DISTINCT organisation FROM contacts WHERE removed_at IS NULL AND organisation NOT IN"
                        " (SELECT organisation FROM ca_announcements WHERE ca = :ca) ORDER BY organisation LIMIT " +
                            std::to_string(limit),
         soci::use(ca, "ca"));
    return std::vector<std::string>(organisations.begin(), organisations.end());
  });
}

}  // namespace countersign::store
