#include "store/ehi_servers.h"

#include "store/sql.h"
#include "store/where.h"

STORE_ROW(EhiServerRow);

void soci::type_conversion<countersign::store::EhiServerRow>::from_base(const soci::values& from, soci::indicator,
                                                                        countersign::store::EhiServerRow& row) {
  using namespace countersign::store;
  row.id = text(from, "id");
  row.organisation = text(from, "organisation");
  row.environment = text(from, "environment");
  row.url = text(from, "url");
  row.created_by = text(from, "created_by");
  row.created_at = instant(from, "created_at");
  row.removed_at = maybe_instant(from, "removed_at");
  row.check_state = maybe_text(from, "check_state");
  row.check_asked_by = maybe_text(from, "check_asked_by");
  row.check_asked_at = maybe_instant(from, "check_asked_at");
  row.check_begun_at = maybe_instant(from, "check_begun_at");
  row.check_ended_at = maybe_instant(from, "check_ended_at");
  row.check_error = maybe_text(from, "check_error");
  row.check_verdict = maybe_text(from, "check_verdict");
}

void soci::type_conversion<countersign::store::EhiServerRow>::to_base(const countersign::store::EhiServerRow& row,
                                                                      soci::values& to, soci::indicator& indicator) {
  using namespace countersign::store;
  put(to, "id", row.id);
  put(to, "organisation", row.organisation);
  put(to, "environment", row.environment);
  put(to, "url", row.url);
  put(to, "created_by", row.created_by);
  put(to, "created_at", row.created_at);
  put(to, "removed_at", row.removed_at);
  put(to, "check_state", row.check_state);
  put(to, "check_asked_by", row.check_asked_by);
  put(to, "check_asked_at", row.check_asked_at);
  put(to, "check_begun_at", row.check_begun_at);
  put(to, "check_ended_at", row.check_ended_at);
  put(to, "check_error", row.check_error);
  put(to, "check_verdict", row.check_verdict);
  indicator = soci::i_ok;
}

namespace countersign::store {
namespace {

/// All but the report, which is large.
constexpr const char* kSelect =
    "SELECT id, organisation, environment, url, created_by, created_at, removed_at, check_state, check_asked_by,"
    " check_asked_at, check_begun_at, check_ended_at, check_error, check_verdict FROM ehi_servers";

}  // namespace

base::Result<void> insert(Transaction& transaction, const EhiServerRow& row) {
  return run(transaction, "store a partner's server", [&](soci::session& sql) {
    sql << "INSERT INTO ehi_servers (id, organisation, environment, url, created_by, created_at, removed_at,"
           " check_state, check_asked_by, check_asked_at, check_begun_at, check_ended_at, check_error, check_verdict)"
           " VALUES (:id, :organisation, :environment, :url, :created_by, :created_at, :removed_at, :check_state,"
           " :check_asked_by, :check_asked_at, :check_begun_at, :check_ended_at, :check_error, :check_verdict)",
        soci::use(row);
  });
}

base::Result<std::optional<EhiServerRow>> find_ehi_server(Transaction& transaction, const std::string& id) {
  return run(transaction, "find a partner's server", [&](soci::session& sql) {
    return first<EhiServerRow>((sql.prepare << kSelect << " WHERE id = :id", soci::use(id, "id")));
  });
}

base::Result<std::vector<EhiServerRow>> list_ehi_servers(Transaction& transaction, const EhiServerFilter& filter) {
  return run(transaction, "list partners' servers", [&](soci::session& sql) {
    Where where;
    where.add("removed_at IS NULL");
    where.add_if("organisation = ", filter.organisation);
    soci::details::prepare_temp_type query =
        sql.prepare << kSelect + where.text() + " ORDER BY created_at, id LIMIT " + std::to_string(filter.limit);
    where.bind(query);
    return collect<EhiServerRow>(query);
  });
}

base::Result<void> update(Transaction& transaction, const EhiServerRow& row) {
  return run(transaction, "note what became of a partner's server", [&](soci::session& sql) {
    sql << "UPDATE ehi_servers SET removed_at = :removed_at, check_state = :check_state,"
           " check_asked_by = :check_asked_by, check_asked_at = :check_asked_at, check_begun_at = :check_begun_at,"
           " check_ended_at = :check_ended_at, check_error = :check_error, check_verdict = :check_verdict"
           " WHERE id = :id",
        soci::use(row);
  });
}

base::Result<std::optional<std::string>> find_ehi_report(Transaction& transaction, const std::string& id) {
  return run(transaction, "find a report", [&](soci::session& sql) -> std::optional<std::string> {
    soci::rowset<soci::row> rows =
        (sql.prepare << "SELECT check_report FROM ehi_servers WHERE id = :id AND check_report IS NOT NULL",
         soci::use(id, "id"));
    for (const soci::row& row : rows)
      return row.get<std::string>(0);
    return std::nullopt;
  });
}

base::Result<void> put_ehi_report(Transaction& transaction, const std::string& id, const std::string& report) {
  return run(transaction, "store a report", [&](soci::session& sql) {
    sql << "UPDATE ehi_servers SET check_report = :report WHERE id = :id", soci::use(report, "report"),
        soci::use(id, "id");
  });
}

base::Result<std::optional<EhiServerRow>> find_ehi_check_to_run(Transaction& transaction, base::Instant given_up) {
  return run(transaction, "find a check to run", [&](soci::session& sql) {
    const long long micros = given_up.micros;
    return first<EhiServerRow>((sql.prepare << kSelect
                                            << " WHERE removed_at IS NULL AND (check_state = 'waiting'"
                                               " OR (check_state = 'running' AND check_begun_at < :given_up))"
                                               " ORDER BY check_asked_at, id LIMIT 1",
                                soci::use(micros, "given_up")));
  });
}

base::Result<std::int64_t> count_ehi_checks(Transaction& transaction, const std::string& organisation) {
  return run(transaction, "count checks", [&](soci::session& sql) -> std::int64_t {
    long long count = 0;
    sql << "SELECT COUNT(*) FROM ehi_servers WHERE removed_at IS NULL AND check_state IN ('waiting', 'running')"
           " AND (organisation = :organisation OR :organisation = '')",
        soci::into(count), soci::use(organisation, "organisation");
    return count;
  });
}

}  // namespace countersign::store
