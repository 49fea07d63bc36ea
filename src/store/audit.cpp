#include "store/audit.h"

#include "store/bulk.h"
#include "store/sql.h"

STORE_ROW(AuditRow);

void soci::type_conversion<countersign::store::AuditRow>::from_base(const soci::values& from, soci::indicator,
                                                                    countersign::store::AuditRow& row) {
  using namespace countersign::store;
  row.sequence = whole(from, "sequence");
  row.at = instant(from, "at");
  row.actor = text(from, "actor");
  row.action = text(from, "action");
  row.subject = text(from, "subject");
  row.detail = text(from, "detail");
  row.previous = text(from, "previous");
  row.hash = text(from, "hash");
}

void soci::type_conversion<countersign::store::AuditRow>::to_base(const countersign::store::AuditRow& row,
                                                                  soci::values& to, soci::indicator& indicator) {
  using namespace countersign::store;
  put_whole(to, "sequence", row.sequence);
  put(to, "at", row.at);
  put(to, "actor", row.actor);
  put(to, "action", row.action);
  put(to, "subject", row.subject);
  put(to, "detail", row.detail);
  put(to, "previous", row.previous);
  put(to, "hash", row.hash);
  indicator = soci::i_ok;
}

namespace countersign::store {

base::Result<void> append(Transaction& transaction, const std::vector<AuditRow>& rows) {
  return run(transaction, "write the audit log", [&](soci::session& sql) {
    Bulk bulk("INSERT INTO audit (sequence, at, actor, action, subject, detail, previous, hash)", 8);
    for (const AuditRow& row : rows)
      bulk.add(row.sequence)
          .add(row.at)
          .add(row.actor)
          .add(row.action)
          .add(row.subject)
          .add(row.detail)
          .add(row.previous)
          .add(row.hash);
    bulk.insert(sql);
  });
}

base::Result<std::optional<AuditRow>> find_last_audit(Transaction& transaction) {
  return run(transaction, "read the audit log", [](soci::session& sql) {
    return first<AuditRow>(sql.prepare << "SELECT * FROM audit ORDER BY sequence DESC LIMIT 1");
  });
}

base::Result<std::vector<AuditRow>> list_audit(Transaction& transaction, std::int64_t after, int limit) {
  return run(transaction, "read the audit log", [&](soci::session& sql) {
    const long long first = after;
    // A start reads them all: plain columns, not soci::values.
    AuditRow row;
    long long sequence = 0;
    long long at = 0;
    soci::statement query =
        (sql.prepare << "SELECT sequence, at, actor, action, subject, detail, previous, hash FROM audit"
                        " WHERE sequence > :after ORDER BY sequence LIMIT :limit",
         soci::use(first, "after"), soci::use(limit, "limit"), soci::into(sequence), soci::into(at),
         soci::into(row.actor), soci::into(row.action), soci::into(row.subject), soci::into(row.detail),
         soci::into(row.previous), soci::into(row.hash));
    query.execute();
    std::vector<AuditRow> rows;
    while (query.fetch()) {
      row.sequence = sequence;
      row.at = {at};
      rows.push_back(row);
    }
    return rows;
  });
}

}  // namespace countersign::store
