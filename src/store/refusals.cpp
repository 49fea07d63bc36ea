#include "store/refusals.h"

#include "store/sql.h"
#include "store/where.h"

STORE_ROW(RefusalRow);

void soci::type_conversion<countersign::store::RefusalRow>::from_base(const soci::values& from, soci::indicator,
                                                                      countersign::store::RefusalRow& row) {
  using namespace countersign::store;
  row = {application_key(from), text(from, "fingerprint"),      text(from, "reason"),          text(from, "serial"),
         whole(from, "times"),  instant(from, "first_seen_at"), instant(from, "last_seen_at"), text(from, "gateway")};
}

void soci::type_conversion<countersign::store::RefusalRow>::to_base(const countersign::store::RefusalRow& row,
                                                                    soci::values& to, soci::indicator& indicator) {
  using namespace countersign::store;
  put(to, row.key);
  put(to, "fingerprint", row.fingerprint);
  put(to, "reason", row.reason);
  put(to, "serial", row.serial);
  put_whole(to, "times", row.times);
  put(to, "first_seen_at", row.first_seen_at);
  put(to, "last_seen_at", row.last_seen_at);
  put(to, "gateway", row.gateway);
  indicator = soci::i_ok;
}

namespace countersign::store {

base::Result<void> add_refusals(Transaction& transaction, const RefusalRow& row) {
  return run(transaction, "count refusals", [&](soci::session& sql) {
    sql << "INSERT INTO refusals (environment, organisation, application, fingerprint, reason, serial, times,"
           " first_seen_at, last_seen_at, gateway)"
           " VALUES (:environment, :organisation, :application, :fingerprint, :reason, :serial, :times,"
           " :first_seen_at, :last_seen_at, :gateway)"
           " ON CONFLICT (environment, organisation, application, fingerprint, reason) DO UPDATE SET"
           " times = refusals.times + excluded.times,"
           " first_seen_at = CASE WHEN excluded.first_seen_at < refusals.first_seen_at"
           "  THEN excluded.first_seen_at ELSE refusals.first_seen_at END,"
           " gateway = CASE WHEN excluded.last_seen_at >= refusals.last_seen_at"
           "  THEN excluded.gateway ELSE refusals.gateway END,"
           " last_seen_at = CASE WHEN excluded.last_seen_at > refusals.last_seen_at"
           "  THEN excluded.last_seen_at ELSE refusals.last_seen_at END",
        soci::use(row);
  });
}

base::Result<void> keep_newest_refusals(Transaction& transaction, const ApplicationKey& key, int most) {
  return run(transaction, "forget refusals of an application", [&](soci::session& sql) {
    const auto too_many = collect<RefusalRow>(
        (sql.prepare << "SELECT * FROM refusals WHERE environment = :environment AND organisation = :organisation"
                        " AND application = :application ORDER BY last_seen_at DESC, fingerprint, reason"
                        " LIMIT 1000 OFFSET " +
                            std::to_string(most),
         soci::use(key.environment, "environment"), soci::use(key.organisation, "organisation"),
         soci::use(key.application, "application")));
    for (const RefusalRow& row : too_many)
      sql << "DELETE FROM refusals WHERE environment = :environment AND organisation = :organisation"
             " AND application = :application AND fingerprint = :fingerprint AND reason = :reason",
          soci::use(key.environment, "environment"), soci::use(key.organisation, "organisation"),
          soci::use(key.application, "application"), soci::use(row.fingerprint, "fingerprint"),
          soci::use(row.reason, "reason");
  });
}

base::Result<void> forget_refusals(Transaction& transaction, base::Instant since) {
  return run(transaction, "forget refusals", [&](soci::session& sql) {
    const long long from = since.micros;
    sql << "DELETE FROM refusals WHERE last_seen_at < :since", soci::use(from, "since");
  });
}

base::Result<std::vector<RefusalRow>> list_refusals(Transaction& transaction, const ApplicationFilter& filter,
                                                    int limit) {
  return run(transaction, "list refusals", [&](soci::session& sql) {
    Where where;
    where.add_if("environment = ", filter.environment);
    where.add_if("organisation = ", filter.organisation);
    where.add_if("application = ", filter.application);
    soci::details::prepare_temp_type query =
        sql.prepare << "SELECT * FROM refusals" + where.text() +
                           " ORDER BY last_seen_at DESC, fingerprint, reason LIMIT " + std::to_string(limit);
    where.bind(query);
    return collect<RefusalRow>(query);
  });
}

}  // namespace countersign::store
