#include "store/followers.h"

#include "store/sql.h"

STORE_ROW(FollowerRow);

void soci::type_conversion<countersign::store::FollowerRow>::from_base(const soci::values& from, soci::indicator,
                                                                       countersign::store::FollowerRow& row) {
  using namespace countersign::store;
  row = {text(from, "serial"), text(from, "caller"), split(text(from, "holds")), instant(from, "seen_at")};
}

void soci::type_conversion<countersign::store::FollowerRow>::to_base(const countersign::store::FollowerRow& row,
                                                                     soci::values& to, soci::indicator& indicator) {
  using namespace countersign::store;
  put(to, "serial", row.serial);
  put(to, "caller", row.caller);
  put(to, "holds", join(row.holds));
  put(to, "seen_at", row.seen_at);
  indicator = soci::i_ok;
}

namespace countersign::store {

base::Result<void> put_follower(Transaction& transaction, const FollowerRow& row) {
  return run(transaction, "store a follower", [&](soci::session& sql) {
    sql << "INSERT INTO followers (serial, caller, holds, seen_at) VALUES (:serial, :caller, :holds, :seen_at)"
           " ON CONFLICT (serial) DO UPDATE SET caller = excluded.caller, holds = excluded.holds,"
           " seen_at = excluded.seen_at",
        soci::use(row);
  });
}

base::Result<std::vector<FollowerRow>> list_followers(Transaction& transaction, base::Instant since) {
  return run(transaction, "list followers", [&](soci::session& sql) {
    const long long from = since.micros;
    return collect<FollowerRow>(
        (sql.prepare << "SELECT * FROM followers WHERE seen_at >= :since ORDER BY caller, serial",
         soci::use(from, "since")));
  });
}

base::Result<void> forget_followers(Transaction& transaction, base::Instant since) {
  return run(transaction, "forget followers", [&](soci::session& sql) {
    const long long from = since.micros;
    sql << "DELETE FROM followers WHERE seen_at < :since", soci::use(from, "since");
  });
}

}  // namespace countersign::store
