#include "store/ca_announcements.h"

#include "store/bulk.h"
#include "store/sql.h"

namespace countersign::store {

base::Result<void> insert(Transaction& transaction, const std::vector<CaAnnouncementRow>& rows) {
  return run(transaction, "note that a CA was announced", [&](soci::session& sql) {
    Bulk bulk("INSERT INTO ca_announcements (ca, contact, written_at)", 3);
    for (const CaAnnouncementRow& row : rows)
      bulk.add(row.ca).add(row.contact).add(row.written_at);
    bulk.insert(sql);
  });
}

base::Result<void> forget_announcements(Transaction& transaction, const std::string& ca) {
  return run(transaction, "forget whom a CA was announced to",
             [&](soci::session& sql) { sql << "DELETE FROM ca_announcements WHERE ca = :ca", soci::use(ca, "ca"); });
}

}  // namespace countersign::store
