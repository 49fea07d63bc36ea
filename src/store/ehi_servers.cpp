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
  row.address = text(from, "address");
  row.created_by = text(from, "created_by");
  row.created_at = instant(from, "created_at");
  row.confirmed_by = maybe_text(from, "confirmed_by");
  row.confirmed_at = maybe_instant(from, "confirmed_at");
  row.removed_at = maybe_instant(from, "removed_at");
  row.check_state = maybe_text(from, "check_state");
  row.check_asked_by = maybe_text(from, "check_asked_by");
  row.check_asked_at = maybe_instant(from, "check_asked_at");
  row.check_begun_at = maybe_instant(from, "check_begun_at");
  row.check_ended_at = maybe_instant(from, "check_ended_at");
  row.check_error = maybe_text(from, "check_error");
  row.check_verdict = maybe_text(from, "check_verdict");
  if (from.get_indicator("check_not_tried") != soci::i_null) row.check_not_tried = whole(from, "check_not_tried");
}

void soci::type_conversion<countersign::store::EhiServerRow>::to_base(const countersign::store::EhiServerRow& row,
                                                                      soci::values& to, soci::indicator& indicator) {
  using namespace countersign::store;
  put(to, "id", row.id);
  put(to, "organisation", row.organisation);
  put(to, "environment", row.environment);
  put(to, "url", row.url);
  put(to, "address", row.address);
  put(to, "created_by", row.created_by);
  put(to, "created_at", row.created_at);
  put(to, "confirmed_by", row.confirmed_by);
  put(to, "confirmed_at", row.confirmed_at);
  put(to, "removed_at", row.removed_at);
  put(to, "check_state", row.check_state);
  put(to, "check_asked_by", row.check_asked_by);
  put(to, "check_asked_at", row.check_asked_at);
  put(to, "check_begun_at", row.check_begun_at);
  put(to, "check_ended_at", row.check_ended_at);
  put(to, "check_error", row.check_error);
  put(to, "check_verdict", row.check_verdict);
  to.set("check_not_tried", static_cast<long long>(row.check_not_tried.value_or(0)),
         row.check_not_tried ? soci::i_ok : soci::i_null);
  indicator = soci::i_ok;
}

namespace countersign::store {
namespace {

/// All but the report, which is large.
constexpr const char* kSelect =
    "SELECT id, organisation, environment, url, address, created_by, created_at, confirmed_by, confirmed_at, "
    "removed_at,"
    " check_state, check_asked_by, check_asked_at, check_begun_at, check_ended_at, check_error, check_verdict,"
    " check_not_tried FROM ehi_servers";

/// In words of the index that the list goes along: with the first condition it is entered there.
void add_place(Where& where, const EhiServerPlace& after) {
  where.add("created_at >= " + where.hold(after.at.micros));
  const std::string at = where.hold(after.at.micros);
  where.add("((created_at + 0) > " + at + " OR id > " + where.hold(after.id) + ")");
}

std::int64_t count(soci::session& sql, const Where& where) {
  long long counted = 0;
  soci::details::prepare_temp_type query = sql.prepare << "SELECT COUNT(*) FROM ehi_servers" + where.text();
  where.bind(query);
  query, soci::into(counted);
  soci::statement statement(query);
  statement.execute(true);
  return counted;
}

}  // namespace

base::Result<void> insert(Transaction& transaction, const EhiServerRow& row) {
  return run(transaction, "store a partner's server", [&](soci::session& sql) {
    sql << "INSERT INTO ehi_servers (id, organisation, environment, url, address, created_by, created_at, confirmed_by,"
           " confirmed_at, removed_at, check_state, check_asked_by, check_asked_at, check_begun_at, check_ended_at,"
           " check_error, check_verdict, check_not_tried)"
           " VALUES (:id, :organisation, :environment, :url, :address, :created_by, :created_at, :confirmed_by,"
           " :confirmed_at, :removed_at, :check_state, :check_asked_by, :check_asked_at, :check_begun_at,"
           " :check_ended_at, :check_error, :check_verdict, :check_not_tried)",
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
    if (filter.after) add_place(where, *filter.after);
    soci::details::prepare_temp_type query =
        sql.prepare << kSelect + where.text() + " ORDER BY created_at, id LIMIT " + std::to_string(filter.limit);
    where.bind(query);
    return collect<EhiServerRow>(query);
  });
}

base::Result<std::vector<EhiServerRow>> list_ehi_servers_of(Transaction& transaction,
                                                            const std::vector<std::string>& ids) {
  if (ids.empty()) return std::vector<EhiServerRow>();
  return run(transaction, "list partners' servers", [&](soci::session& sql) {
    Where where;
    where.add_among("id", ids);
    soci::details::prepare_temp_type query = sql.prepare << kSelect + where.text() + " ORDER BY id";
    where.bind(query);
    return collect<EhiServerRow>(query);
  });
}

base::Result<void> update(Transaction& transaction, const EhiServerRow& row) {
  return run(transaction, "note what became of a partner's server", [&](soci::session& sql) {
    sql << "UPDATE ehi_servers SET confirmed_by = :confirmed_by, confirmed_at = :confirmed_at, removed_at = "
           ":removed_at,"
           " check_state = :check_state, check_asked_by = :check_asked_by, check_asked_at = :check_asked_at,"
           " check_begun_at = :check_begun_at, check_ended_at = :check_ended_at, check_error = :check_error,"
           " check_verdict = :check_verdict, check_not_tried = :check_not_tried WHERE id = :id",
        soci::use(row);
  });
}

base::Result<std::int64_t> count_ehi_servers_added(Transaction& transaction, const std::string& organisation,
                                                   base::Instant since) {
  return run(transaction, "count partners' servers", [&](soci::session& sql) {
    Where where;
    where.add("organisation = " + where.hold(organisation));
    where.add("created_at > " + where.hold(since.micros));
    return count(sql, where);
  });
}

base::Result<bool> has_another_organisation(Transaction& transaction, const EhiServerRow& row) {
  return run(transaction, "look for a server's address", [&](soci::session& sql) {
    Where where;
    where.add("address = " + where.hold(row.address));
    where.add("organisation <> " + where.hold(row.organisation));
    where.add("removed_at IS NULL");
    return count(sql, where) > 0;
  });
}

base::Result<void> forget_ehi_servers(Transaction& transaction, base::Instant before) {
  return run(transaction, "forget partners' servers", [&](soci::session& sql) {
    const long long micros = before.micros;
    for (const char* of_them : {"DELETE FROM ehi_troubles", "DELETE FROM ehi_outages"})
      sql << std::string(of_them) + " WHERE server IN (SELECT id FROM ehi_servers WHERE removed_at < :before)",
          soci::use(micros, "before");
    sql << "DELETE FROM ehi_servers WHERE removed_at < :before", soci::use(micros, "before");
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

base::Result<void> drop_ehi_report(Transaction& transaction, const std::string& id) {
  return run(transaction, "drop a report", [&](soci::session& sql) {
    sql << "UPDATE ehi_servers SET check_report = NULL WHERE id = :id", soci::use(id, "id");
  });
}

base::Result<std::optional<EhiServerRow>> find_ehi_check_to_run(Transaction& transaction, const EhiCheckTimes& times) {
  return run(transaction, "find a check to run", [&](soci::session& sql) {
    const long long given_up = times.given_up.micros;
    const long long not_yet = times.not_yet.micros;
    return first<EhiServerRow>(
        (sql.prepare << kSelect
                     << " WHERE removed_at IS NULL AND (check_state = 'waiting' OR (check_state = 'running'"
                        " AND (check_begun_at < :given_up OR check_begun_at > :not_yet)))"
                        " ORDER BY check_asked_at, id LIMIT 1",
         soci::use(given_up, "given_up"), soci::use(not_yet, "not_yet")));
  });
}

base::Result<std::int64_t> count_ehi_checks(Transaction& transaction, const std::string& organisation) {
  return run(transaction, "count checks", [&](soci::session& sql) {
    Where where;
    where.add_if("organisation = ", organisation);
    where.add("check_state IN ('waiting', 'running')");
    where.add("removed_at IS NULL");
    return count(sql, where);
  });
}

base::Result<EhiAddressUse> find_ehi_address_use(Transaction& transaction, const EhiAddressAt& at) {
  return run(transaction, "look for checks of an address", [&](soci::session& sql) {
    Where where;
    where.add("address = " + where.hold(at.address));
    where.add("((check_state = 'waiting' AND removed_at IS NULL) OR (check_state = 'running' AND check_begun_at >= " +
              where.hold(at.times.given_up.micros) + " AND check_begun_at <= " + where.hold(at.times.not_yet.micros) +
              "))");
    EhiAddressUse use{.under_way = count(sql, where) > 0};
    long long ended = 0;
    soci::indicator known = soci::i_null;
    const long long now = at.now.micros;
    sql << "SELECT MAX(check_ended_at) FROM ehi_servers WHERE address = :address AND check_ended_at <= :now",
        soci::into(ended, known), soci::use(at.address, "address"), soci::use(now, "now");
    if (known == soci::i_ok) use.ended_at = base::Instant{ended};
    return use;
  });
}

}  // namespace countersign::store
