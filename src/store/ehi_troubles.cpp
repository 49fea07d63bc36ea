#include "store/ehi_troubles.h"

#include "store/sql.h"
#include "store/where.h"

STORE_ROW(EhiTroubleRow);
STORE_ROW(EhiOutageRow);

void soci::type_conversion<countersign::store::EhiTroubleRow>::from_base(const soci::values& from, soci::indicator,
                                                                         countersign::store::EhiTroubleRow& row) {
  using namespace countersign::store;
  row.server = text(from, "server");
  row.sender = text(from, "sender");
  row.endpoint = text(from, "endpoint");
  row.used_for = text(from, "used_for");
  row.state = text(from, "state");
  row.code = text(from, "code");
  row.reason = maybe_text(from, "reason");
  row.detail = text(from, "detail");
  row.times = whole(from, "times");
  row.first_at = instant(from, "first_at");
  row.last_at = instant(from, "last_at");
  row.heard_at = instant(from, "heard_at");
  row.ended_at = maybe_instant(from, "ended_at");
}

void soci::type_conversion<countersign::store::EhiTroubleRow>::to_base(const countersign::store::EhiTroubleRow& row,
                                                                       soci::values& to, soci::indicator& indicator) {
  using namespace countersign::store;
  put(to, "server", row.server);
  put(to, "sender", row.sender);
  put(to, "endpoint", row.endpoint);
  put(to, "used_for", row.used_for);
  put(to, "state", row.state);
  put(to, "code", row.code);
  put(to, "reason", row.reason);
  put(to, "detail", row.detail);
  put_whole(to, "times", row.times);
  put(to, "first_at", row.first_at);
  put(to, "last_at", row.last_at);
  put(to, "heard_at", row.heard_at);
  put(to, "ended_at", row.ended_at);
  indicator = soci::i_ok;
}

void soci::type_conversion<countersign::store::EhiOutageRow>::from_base(const soci::values& from, soci::indicator,
                                                                        countersign::store::EhiOutageRow& row) {
  using namespace countersign::store;
  row.server = text(from, "server");
  row.began_at = instant(from, "began_at");
  row.state = text(from, "state");
  row.code = text(from, "code");
  row.reason = maybe_text(from, "reason");
  row.refused_told_at = maybe_instant(from, "refused_told_at");
  row.unreachable_told_at = maybe_instant(from, "unreachable_told_at");
  row.ended_at = maybe_instant(from, "ended_at");
  row.ended_by = maybe_text(from, "ended_by");
}

void soci::type_conversion<countersign::store::EhiOutageRow>::to_base(const countersign::store::EhiOutageRow& row,
                                                                      soci::values& to, soci::indicator& indicator) {
  using namespace countersign::store;
  put(to, "server", row.server);
  put(to, "began_at", row.began_at);
  put(to, "state", row.state);
  put(to, "code", row.code);
  put(to, "reason", row.reason);
  put(to, "refused_told_at", row.refused_told_at);
  put(to, "unreachable_told_at", row.unreachable_told_at);
  put(to, "ended_at", row.ended_at);
  put(to, "ended_by", row.ended_by);
  indicator = soci::i_ok;
}

namespace countersign::store {

base::Result<std::optional<EhiTroubleRow>> find_ehi_trouble(Transaction& transaction, const EhiTroubleKey& key) {
  return run(transaction, "find a trouble", [&](soci::session& sql) {
    return first<EhiTroubleRow>((sql.prepare << "SELECT * FROM ehi_troubles WHERE server = :server AND sender = :sender"
                                                " AND endpoint = :endpoint AND used_for = :used_for",
                                 soci::use(key.server, "server"), soci::use(key.sender, "sender"),
                                 soci::use(key.endpoint, "endpoint"), soci::use(key.used_for, "used_for")));
  });
}

base::Result<void> put(Transaction& transaction, const EhiTroubleRow& row) {
  return run(transaction, "keep a trouble", [&](soci::session& sql) {
    sql << "INSERT INTO ehi_troubles (server, sender, endpoint, used_for, state, code, reason, detail, times, first_at,"
           " last_at, heard_at, ended_at) VALUES (:server, :sender, :endpoint, :used_for, :state, :code, :reason,"
           " :detail, :times, :first_at, :last_at, :heard_at, :ended_at)"
           " ON CONFLICT (server, sender, endpoint, used_for) DO UPDATE SET state = excluded.state,"
           " code = excluded.code, reason = excluded.reason, detail = excluded.detail, times = excluded.times,"
           " first_at = excluded.first_at, last_at = excluded.last_at, heard_at = excluded.heard_at,"
           " ended_at = excluded.ended_at",
        soci::use(row);
  });
}

base::Result<std::vector<EhiTroubleRow>> list_ehi_troubles(Transaction& transaction, const EhiTroubleFilter& filter) {
  return run(transaction, "list troubles", [&](soci::session& sql) {
    Where where;
    where.add("EXISTS (SELECT 1 FROM ehi_servers WHERE id = server AND removed_at IS NULL)");
    if (!filter.servers.empty()) where.add_among("server", filter.servers);
    if (!filter.organisation.empty())
      where.add("server IN (SELECT id FROM ehi_servers WHERE organisation = " + where.hold(filter.organisation) + ")");
    soci::details::prepare_temp_type query = sql.prepare << "SELECT * FROM ehi_troubles" + where.text() +
                                                                " ORDER BY heard_at DESC, server, sender, endpoint,"
                                                                " used_for LIMIT " +
                                                                std::to_string(filter.limit);
    where.bind(query);
    return collect<EhiTroubleRow>(query);
  });
}

base::Result<void> keep_newest_ehi_troubles(Transaction& transaction, const std::string& server, int most) {
  return run(transaction, "forget troubles of a server", [&](soci::session& sql) {
    const auto too_many = collect<EhiTroubleRow>(
        (sql.prepare << "SELECT * FROM ehi_troubles WHERE server = :server ORDER BY heard_at DESC, sender, endpoint,"
                        " used_for LIMIT 1000 OFFSET " +
                            std::to_string(most),
         soci::use(server, "server")));
    for (const EhiTroubleRow& row : too_many)
      sql << "DELETE FROM ehi_troubles WHERE server = :server AND sender = :sender AND endpoint = :endpoint"
             " AND used_for = :used_for",
          soci::use(row.server, "server"), soci::use(row.sender, "sender"), soci::use(row.endpoint, "endpoint"),
          soci::use(row.used_for, "used_for");
  });
}

base::Result<void> forget_ehi_troubles(Transaction& transaction, base::Instant since) {
  return run(transaction, "forget troubles", [&](soci::session& sql) {
    const long long from = since.micros;
    sql << "DELETE FROM ehi_troubles WHERE heard_at < :since", soci::use(from, "since");
  });
}

base::Result<void> insert(Transaction& transaction, const EhiOutageRow& row) {
  return run(transaction, "keep an outage", [&](soci::session& sql) {
    sql << "INSERT INTO ehi_outages (server, began_at, state, code, reason, refused_told_at, unreachable_told_at,"
           " ended_at, ended_by) VALUES (:server, :began_at, :state, :code, :reason, :refused_told_at,"
           " :unreachable_told_at, :ended_at, :ended_by)",
        soci::use(row);
  });
}

base::Result<void> update(Transaction& transaction, const EhiOutageRow& row) {
  return run(transaction, "note what became of an outage", [&](soci::session& sql) {
    sql << "UPDATE ehi_outages SET state = :state, code = :code, reason = :reason, refused_told_at = :refused_told_at,"
           " unreachable_told_at = :unreachable_told_at, ended_at = :ended_at, ended_by = :ended_by"
           " WHERE server = :server AND began_at = :began_at",
        soci::use(row);
  });
}

base::Result<std::vector<std::string>> list_troubled_ehi_servers(Transaction& transaction,
                                                                 const TroubledFilter& filter) {
  return run(transaction, "list servers in trouble", [&](soci::session& sql) {
    const long long heard = filter.heard_since.micros;
    soci::rowset<std::string> ids =
        (sql.prepare << "SELECT server FROM (SELECT server FROM ehi_outages WHERE ended_at IS NULL UNION"
                        " SELECT server FROM ehi_troubles WHERE ended_at IS NULL AND heard_at >= :heard) troubled"
                        " WHERE server > :after ORDER BY server LIMIT " +
                            std::to_string(filter.limit),
         soci::use(heard, "heard"), soci::use(filter.after, "after"));
    return std::vector<std::string>(ids.begin(), ids.end());
  });
}

base::Result<std::vector<EhiOutageRow>> list_open_ehi_outages(Transaction& transaction,
                                                              const std::vector<std::string>& servers) {
  if (servers.empty()) return std::vector<EhiOutageRow>();
  return run(transaction, "list outages", [&](soci::session& sql) {
    Where where;
    where.add("ended_at IS NULL");
    where.add_among("server", servers);
    soci::details::prepare_temp_type query = sql.prepare << "SELECT * FROM ehi_outages" + where.text();
    where.bind(query);
    return collect<EhiOutageRow>(query);
  });
}

base::Result<std::int64_t> count_told_ehi_outages(Transaction& transaction, const std::string& server,
                                                  base::Instant since) {
  return run(transaction, "count outages that were told", [&](soci::session& sql) -> std::int64_t {
    const long long after = since.micros;
    long long told = 0;
    sql << "SELECT COUNT(*) FROM ehi_outages WHERE server = :server"
           " AND (refused_told_at > :after OR unreachable_told_at > :after)",
        soci::into(told), soci::use(server, "server"), soci::use(after, "after");
    return told;
  });
}

base::Result<std::vector<EhiOutageRow>> list_ehi_outages(Transaction& transaction, const std::string& server,
                                                         int limit) {
  return run(transaction, "list outages of a server", [&](soci::session& sql) {
    return collect<EhiOutageRow>(
        (sql.prepare << "SELECT * FROM ehi_outages WHERE server = :server ORDER BY began_at DESC LIMIT " +
                            std::to_string(limit),
         soci::use(server, "server")));
  });
}

base::Result<void> forget_ehi_outages(Transaction& transaction, base::Instant before) {
  return run(transaction, "forget outages", [&](soci::session& sql) {
    const long long at = before.micros;
    sql << "DELETE FROM ehi_outages WHERE ended_at < :at", soci::use(at, "at");
  });
}

}  // namespace countersign::store
