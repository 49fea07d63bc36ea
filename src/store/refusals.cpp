#include "store/refusals.h"

#include "store/bulk.h"
#include "store/sql.h"
#include "store/where.h"

STORE_ROW(RefusalRow);
STORE_ROW(RefusedRow);

void soci::type_conversion<countersign::store::RefusalRow>::from_base(const soci::values& from, soci::indicator,
                                                                      countersign::store::RefusalRow& row) {
  using namespace countersign::store;
  row = {application_key(from), text(from, "fingerprint"),      text(from, "reason"),          text(from, "serial"),
         whole(from, "times"),  instant(from, "first_seen_at"), instant(from, "last_seen_at"), text(from, "gateway")};
}

void soci::type_conversion<countersign::store::RefusalRow>::to_base(const countersign::store::RefusalRow&,
                                                                    soci::values&, soci::indicator&) {
  BASE_UNREACHABLE();  // they are written in bulk
}

void soci::type_conversion<countersign::store::RefusedRow>::from_base(const soci::values& from, soci::indicator,
                                                                      countersign::store::RefusedRow& row) {
  using namespace countersign::store;
  row = {text(from, "fingerprint"), application_key(from), text(from, "serial")};
}

void soci::type_conversion<countersign::store::RefusedRow>::to_base(const countersign::store::RefusedRow&,
                                                                    soci::values&, soci::indicator&) {
  BASE_UNREACHABLE();  // it is read only
}

namespace countersign::store {
namespace {

constexpr const char* kInsert =
    "INSERT INTO refusals (environment, organisation, application, fingerprint, reason, serial, times, first_seen_at,"
    " last_seen_at, gateway)";
constexpr const char* kAddUp =
    " ON CONFLICT (environment, organisation, application, fingerprint, reason) DO UPDATE SET"
    " times = refusals.times + excluded.times,"
    " first_seen_at = CASE WHEN excluded.first_seen_at < refusals.first_seen_at"
    "  THEN excluded.first_seen_at ELSE refusals.first_seen_at END,"
    " gateway = CASE WHEN excluded.last_seen_at >= refusals.last_seen_at"
    "  THEN excluded.gateway ELSE refusals.gateway END,"
    " last_seen_at = CASE WHEN excluded.last_seen_at > refusals.last_seen_at"
    "  THEN excluded.last_seen_at ELSE refusals.last_seen_at END";
constexpr const char* kKey = "environment, organisation, application, fingerprint, reason";

/// Applications as a table, which is to be joined: SQLite finds no index for "(a, b, c) IN (VALUES ...)".
class Asked {
 public:
  explicit Asked(const std::vector<ApplicationKey>& keys) {
    for (const ApplicationKey& key : keys) {
      text_ += text_.empty() ? "WITH asked (environment, organisation, application) AS (VALUES (" : ", (";
      text_ += held_.hold(key.environment) + ", " + held_.hold(key.organisation) + ", " + held_.hold(key.application);
      text_ += ")";
    }
    text_ += ") ";
  }
  const std::string& text() const { return text_; }
  void bind(soci::details::prepare_temp_type& query) const { held_.bind(query); }

 private:
  Where held_;
  std::string text_;
};
constexpr const char* kOfAsked =
    "r.environment = asked.environment AND r.organisation = asked.organisation AND r.application = asked.application";

/// Those with more than `most`: seldom any, and counting along an index is all that the others cost.
std::vector<ApplicationKey> list_crowded(soci::session& sql, const std::vector<ApplicationKey>& keys, int most) {
  const Asked asked(keys);
  soci::details::prepare_temp_type query =
      sql.prepare << asked.text() +
                         "SELECT asked.environment, asked.organisation, asked.application FROM asked"
                         " WHERE (SELECT COUNT(*) FROM refusals r WHERE " +
                         kOfAsked + ") > " + std::to_string(most);
  asked.bind(query);
  std::vector<ApplicationKey> crowded;
  soci::rowset<soci::row> rows = query;
  for (const soci::row& row : rows)
    crowded.push_back({row.get<std::string>(0), row.get<std::string>(1), row.get<std::string>(2)});
  return crowded;
}

}  // namespace

base::Result<std::vector<RefusedRow>> find_refused(Transaction& transaction,
                                                   const std::vector<std::string>& fingerprints) {
  BASE_CHECK(fingerprints.size() <= kMostRefused);
  if (fingerprints.empty()) return std::vector<RefusedRow>();
  return run(transaction, "find refused certificates", [&](soci::session& sql) {
    Where where;
    std::string held;
    for (const std::string& fingerprint : fingerprints)
      held += (held.empty() ? "" : ", ") + where.hold(fingerprint);
    where.add("fingerprint IN (" + held + ")");
    soci::details::prepare_temp_type query =
        sql.prepare << "SELECT fingerprint, environment, organisation, application, serial FROM certificates" +
                           where.text();
    where.bind(query);
    return collect<RefusedRow>(query);
  });
}

base::Result<void> add_refusals(Transaction& transaction, const std::vector<RefusalRow>& rows) {
  return run(transaction, "count refusals", [&](soci::session& sql) {
    Bulk bulk(kInsert, 10, kAddUp);
    for (const RefusalRow& row : rows)
      bulk.add(row.key.environment)
          .add(row.key.organisation)
          .add(row.key.application)
          .add(row.fingerprint)
          .add(row.reason)
          .add(row.serial)
          .add(row.times)
          .add(row.first_seen_at)
          .add(row.last_seen_at)
          .add(row.gateway);
    bulk.insert(sql);
  });
}

base::Result<void> keep_newest_refusals(Transaction& transaction, const std::vector<ApplicationKey>& keys, int most) {
  if (keys.empty()) return {};
  return run(transaction, "forget refusals of applications", [&](soci::session& sql) {
    const std::vector<ApplicationKey> crowded = list_crowded(sql, keys, most);
    if (crowded.empty()) return;
    const Asked asked(crowded);
    soci::details::prepare_temp_type query =
        sql.prepare << asked.text() + "DELETE FROM refusals WHERE (" + kKey + ") IN (SELECT " + kKey +
                           " FROM (SELECT r.environment, r.organisation, r.application, r.fingerprint, r.reason,"
                           " ROW_NUMBER() OVER (PARTITION BY r.environment, r.organisation, r.application"
                           " ORDER BY r.last_seen_at DESC, r.fingerprint, r.reason) AS place"
                           " FROM asked CROSS JOIN refusals r WHERE " +
                           kOfAsked + ") numbered WHERE place > " + std::to_string(most) + ")";
    asked.bind(query);
    soci::statement(query).execute(true);
  });
}

base::Result<std::int64_t> forget_refusals(Transaction& transaction, base::Instant since, int limit) {
  return run(transaction, "forget refusals", [&](soci::session& sql) -> std::int64_t {
    const long long from = since.micros;
    soci::statement forget =
        (sql.prepare << std::string("DELETE FROM refusals WHERE (") + kKey + ") IN (SELECT " + kKey +
                            " FROM refusals WHERE last_seen_at < :since ORDER BY last_seen_at LIMIT " +
                            std::to_string(limit) + ")",
         soci::use(from, "since"));
    forget.execute(true);
    return forget.get_affected_rows();
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
