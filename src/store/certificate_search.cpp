#include "store/certificate_search.h"

#include <utility>

#include "store/sql.h"
#include "store/where.h"

STORE_ROW(CertificateRow);

namespace countersign::store {
namespace {

constexpr const char* kColumns =
    "SELECT serial, fingerprint, spki_sha256, environment, organisation, application, purpose, issuer, issued_at,"
    " not_before, not_after, revoked_at, revoked_for, replaces, first_seen_at, crl_shard FROM certificates";

/// One row in plain columns: there may be a thousand on a page.
struct Columns {
  CertificateRow row;
  long long issued_at = 0;
  long long not_before = 0;
  long long not_after = 0;
  long long revoked_at = 0;
  long long first_seen_at = 0;
  long long crl_shard = 0;
  std::string revoked_for;
  std::string replaces;
  soci::indicator revoked = soci::i_null;
  soci::indicator reasoned = soci::i_null;
  soci::indicator replacing = soci::i_null;
  soci::indicator seen = soci::i_null;
  soci::indicator sharded = soci::i_null;

  void bind(soci::details::prepare_temp_type& query) {
    query, soci::into(row.serial), soci::into(row.fingerprint), soci::into(row.spki_sha256),
        soci::into(row.key.environment), soci::into(row.key.organisation), soci::into(row.key.application),
        soci::into(row.purpose), soci::into(row.issuer), soci::into(issued_at), soci::into(not_before),
        soci::into(not_after), soci::into(revoked_at, revoked), soci::into(revoked_for, reasoned),
        soci::into(replaces, replacing), soci::into(first_seen_at, seen), soci::into(crl_shard, sharded);
  }
  CertificateRow finished() {
    const auto instant = [](soci::indicator there, long long at) {
      return there == soci::i_ok ? std::optional(base::Instant{at}) : std::nullopt;
    };
    row.issued_at = {issued_at};
    row.not_before = {not_before};
    row.not_after = {not_after};
    row.revoked_at = instant(revoked, revoked_at);
    row.revoked_for = reasoned == soci::i_ok ? std::optional(revoked_for) : std::nullopt;
    row.replaces = replacing == soci::i_ok ? std::optional(replaces) : std::nullopt;
    row.first_seen_at = instant(seen, first_seen_at);
    row.crl_shard = sharded == soci::i_ok ? std::optional<std::int64_t>(crl_shard) : std::nullopt;
    return row;
  }
};

/// What narrows most, and has an index in the order of the list.
enum class Driver { key, application, organisation, status, purpose, environment, everything };

Driver driver_of(const CertificateFilter& filter) {
  const ApplicationFilter& of = filter.of;
  if (!filter.spki_sha256.empty()) return Driver::key;
  const bool is_one = !of.environment.empty() && !of.organisation.empty() && !of.application.empty();
  if (is_one && filter.status != CertificateStatus::expired) return Driver::application;
  if (!of.organisation.empty()) return Driver::organisation;
  if (filter.status == CertificateStatus::revoked || filter.status == CertificateStatus::expired) return Driver::status;
  if (!filter.purpose.empty()) return Driver::purpose;
  return of.environment.empty() ? Driver::everything : Driver::environment;
}

/// The list's own order, and the place after which it goes on. With the first condition the index is entered there.
void add_place(Where& where, const std::string& column, const CertificatePlace& after) {
  where.add(column + " <= " + where.hold(after.at.micros));
  const std::string at = where.hold(after.at.micros);
  where.add("((" + column + " + 0) < " + at + " OR serial > " + where.hold(after.serial) + ")");
}

const char* order_of(const CertificateFilter& filter) {
  return filter.status == CertificateStatus::expired ? "not_after" : "issued_at";
}

/// Who chooses the index. PostgreSQL keeps statistics of the values and is told everything as it is: of a condition in
/// disguise it knows nothing, believes that next to no row meets it, and sorts all others.
enum class Planner { ours, theirs };

Planner planner_of(soci::session& sql) { return sql.get_backend_name() == "sqlite3" ? Planner::ours : Planner::theirs; }

std::string equals(const char* column, bool by_index) {
  return by_index ? std::string(column) + " = " : "(" + std::string(column) + " || '') = ";
}

/// By the index of intents, which every certificate has: one of certificates by key would be another page to write for
/// each issuance.
void add_key(Where& where, const std::string& spki_sha256) {
  if (spki_sha256.empty()) return;
  where.add("serial IN (SELECT serial FROM issuances WHERE spki_sha256 = " + where.hold(spki_sha256) + ")");
}

Where make_open_where(const CertificateFilter& filter, const std::optional<CertificatePlace>& after) {
  Where where;
  add_key(where, filter.spki_sha256);
  where.add_if("environment = ", filter.of.environment);
  where.add_if("organisation = ", filter.of.organisation);
  where.add_if("application = ", filter.of.application);
  where.add_if("purpose = ", filter.purpose);
  switch (filter.status) {
    case CertificateStatus::any: break;
    case CertificateStatus::valid:
      where.add("revoked_at IS NULL");
      where.add("not_after >= " + where.hold(filter.now.micros));
      break;
    case CertificateStatus::revoked: where.add("revoked_at IS NOT NULL"); break;
    case CertificateStatus::expired:
      where.add("revoked_at IS NULL");
      where.add("not_after < " + where.hold(filter.now.micros));
      break;
  }
  if (after) add_place(where, order_of(filter), *after);
  return where;
}

/// Conditions besides the driver's are written so that no index serves them: SQLite would take one for as good as the
/// other, and might walk through all certificates of a purpose for the few of an organisation.
Where make_where(const CertificateFilter& filter, const std::optional<CertificatePlace>& after, Planner planner) {
  if (planner == Planner::theirs) return make_open_where(filter, after);
  const Driver driver = driver_of(filter);
  const bool one = driver == Driver::application;
  const bool revoked = driver == Driver::status && filter.status == CertificateStatus::revoked;
  const bool by_purpose = driver == Driver::purpose || revoked;
  Where where;
  add_key(where, filter.spki_sha256);
  where.add_if(equals("environment", one || driver == Driver::environment || (revoked && filter.purpose.empty())),
               filter.of.environment);
  where.add_if(equals("organisation", one || driver == Driver::organisation), filter.of.organisation);
  where.add_if(equals("application", one), filter.of.application);
  where.add_if(equals("purpose", by_purpose), filter.purpose);
  switch (filter.status) {
    case CertificateStatus::any: break;
    case CertificateStatus::valid:
      where.add("(revoked_at + 0) IS NULL");
      where.add("(not_after + 0) >= " + where.hold(filter.now.micros));
      break;
    case CertificateStatus::revoked:
      where.add(driver == Driver::status ? "revoked_at IS NOT NULL" : "(revoked_at + 0) IS NOT NULL");
      break;
    case CertificateStatus::expired:
      where.add("(revoked_at + 0) IS NULL");
      where.add("not_after < " + where.hold(filter.now.micros));
      break;
  }
  if (after) add_place(where, order_of(filter), *after);
  return where;
}

Where make_where(const CertificateSelection& selection, base::Instant now) {
  const ApplicationFilter& of = selection.of;
  const bool key = !selection.spki_sha256.empty();
  const bool organisation = !key && !of.organisation.empty();
  const bool one = organisation && !of.environment.empty() && !of.application.empty();
  const bool span = selection.issued_from || selection.issued_until;
  Where where;
  add_key(where, selection.spki_sha256);
  where.add_if(equals("environment", one || (!key && !organisation && !span)), of.environment);
  where.add_if(equals("organisation", organisation), of.organisation);
  where.add_if(equals("application", one), of.application);
  const bool by_span = span && !key && !organisation;
  const std::string issued_at = by_span || organisation ? "issued_at" : "(issued_at + 0)";
  if (selection.issued_from) where.add(issued_at + " >= " + where.hold(selection.issued_from->micros));
  if (selection.issued_until) where.add(issued_at + " <= " + where.hold(selection.issued_until->micros));
  where.add("(not_after + 0) >= " + where.hold(now.micros));
  return where;
}

std::string write(const CertificateFilter& filter, const Where& where) {
  return kColumns + where.text() + " ORDER BY " + order_of(filter) + " DESC, serial LIMIT " +
         std::to_string(filter.limit);
}

}  // namespace

std::string statement_of(const CertificateFilter& filter, const std::optional<CertificatePlace>& after) {
  return write(filter, make_where(filter, after, Planner::ours));
}

base::Result<CertificatePage> search_certificates(Transaction& transaction, const CertificateFilter& filter,
                                                  const std::optional<CertificatePlace>& after) {
  return run(transaction, "list certificates", [&](soci::session& sql) {
    const Where where = make_where(filter, after, planner_of(sql));
    Columns columns;
    soci::details::prepare_temp_type query = sql.prepare << write(filter, where);
    where.bind(query);
    columns.bind(query);
    soci::statement statement = query;
    statement.execute();
    CertificatePage page;
    while (statement.fetch())
      page.rows.push_back(columns.finished());
    if (std::cmp_less(page.rows.size(), filter.limit)) return page;
    const CertificateRow& last = page.rows.back();
    page.end = {filter.status == CertificateStatus::expired ? last.not_after : last.issued_at, last.serial};
    return page;
  });
}

base::Result<std::vector<CertificateRow>> list_certificates(Transaction& transaction, const CertificateFilter& filter) {
  return run(transaction, "list certificates", [&](soci::session& sql) {
    const Where where = make_where(filter, std::nullopt, planner_of(sql));
    soci::details::prepare_temp_type query = sql.prepare << "SELECT * FROM certificates" + where.text() + " ORDER BY " +
                                                                order_of(filter) + " DESC, serial LIMIT " +
                                                                std::to_string(filter.limit);
    where.bind(query);
    return collect<CertificateRow>(query);
  });
}

base::Result<std::vector<CertificateRow>> list_selected(Transaction& transaction, const CertificateSelection& selection,
                                                        base::Instant now, int limit) {
  return run(transaction, "select certificates", [&](soci::session& sql) {
    const Where where = make_where(selection, now);
    soci::details::prepare_temp_type query =
        sql.prepare << "SELECT * FROM certificates" + where.text() + " ORDER BY serial LIMIT " + std::to_string(limit);
    where.bind(query);
    return collect<CertificateRow>(query);
  });
}

}  // namespace countersign::store
