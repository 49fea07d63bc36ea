#include "store/statuses.h"

#include "store/sql.h"

STORE_ROW(StatusUrlRow);

void soci::type_conversion<countersign::store::StatusUrlRow>::from_base(const soci::values& from, soci::indicator,
                                                                        countersign::store::StatusUrlRow& row) {
  using namespace countersign::store;
  row = {text(from, "url"), instant(from, "last_used")};
}

void soci::type_conversion<countersign::store::StatusUrlRow>::to_base(const countersign::store::StatusUrlRow& row,
                                                                      soci::values& to, soci::indicator& indicator) {
  using namespace countersign::store;
  put(to, "url", row.url);
  put(to, "last_used", row.last_used);
  indicator = soci::i_ok;
}

namespace countersign::store {
namespace {

/// One row in plain columns: there may be millions.
struct Columns {
  StatusRow row;
  long long not_after = 0;
  long long revoked_at = 0;
  long long shard = 0;
  soci::indicator revoked = soci::i_null;
  soci::indicator reasoned = soci::i_null;
  soci::indicator sharded = soci::i_null;

  const StatusRow& finished() {
    row.not_after = {not_after};
    row.revoked_at.reset();
    if (revoked == soci::i_ok) row.revoked_at = base::Instant{revoked_at};
    if (reasoned != soci::i_ok) row.revoked_for.clear();
    row.crl_shard.reset();
    if (sharded == soci::i_ok) row.crl_shard = shard;
    return row;
  }
};

constexpr const char* kSelect =
    "SELECT serial, issuer, not_after, revoked_at, revoked_for, crl_shard FROM certificates WHERE ";

template <class Use>
soci::statement select(soci::session& sql, const char* condition, const Use& use, Columns& into) {
  return (sql.prepare << kSelect << condition, use, soci::into(into.row.serial), soci::into(into.row.issuer),
          soci::into(into.not_after), soci::into(into.revoked_at, into.revoked),
          soci::into(into.row.revoked_for, into.reasoned), soci::into(into.shard, into.sharded));
}

struct FindStatus {
  explicit FindStatus(soci::session& sql)
      : statement(select(sql, "fingerprint = :fingerprint", soci::use(fingerprint, "fingerprint"), columns)) {}
  std::string fingerprint;
  Columns columns;
  soci::statement statement;
};

}  // namespace

base::Result<void> visit_statuses(Transaction& transaction, base::Instant ends_from,
                                  const std::function<void(const StatusRow&)>& visit) {
  return run(transaction, "list the status of certificates", [&](soci::session& sql) {
    const long long from = ends_from.micros;
    Columns columns;
    soci::statement query = select(sql, "not_after >= :ends_from", soci::use(from, "ends_from"), columns);
    query.execute();
    while (query.fetch())
      visit(columns.finished());
  });
}

base::Result<std::optional<StatusRow>> find_status(Transaction& transaction, const std::string& fingerprint) {
  return run_kept<FindStatus>(transaction, "find the status of a certificate",
                              [&](FindStatus& find) -> std::optional<StatusRow> {
                                find.fingerprint = fingerprint;
                                find.statement.execute();
                                std::optional<StatusRow> found;
                                while (find.statement.fetch())
                                  found = find.columns.finished();
                                return found;
                              });
}

base::Result<std::optional<base::Instant>> find_last_end(Transaction& transaction, const std::string& issuer) {
  return run(transaction, "find the last certificate of a CA", [&](soci::session& sql) -> std::optional<base::Instant> {
    long long last = 0;
    // Not MAX(): with another condition beside it, that looks at every certificate of the CA.
    sql << "SELECT not_after FROM certificates WHERE issuer = :issuer AND purpose <> 'ocsp'"
           " ORDER BY not_after DESC LIMIT 1",
        soci::use(issuer, "issuer"), soci::into(last);
    if (!sql.got_data()) return std::nullopt;
    return base::Instant{last};
  });
}

base::Result<std::optional<ResponderRow>> find_newest_responder(Transaction& transaction, const std::string& issuer) {
  return run(transaction, "find an OCSP responder", [&](soci::session& sql) -> std::optional<ResponderRow> {
    ResponderRow row;
    long long issued_at = 0;
    long long not_after = 0;
    // The application narrows it: no one else has certificates for this purpose.
    sql << "SELECT serial, issued_at, not_after FROM certificates WHERE environment = 'internal'"
           " AND organisation = 'service' AND application = 'ocsp' AND issuer = :issuer AND purpose = 'ocsp'"
           " ORDER BY issued_at DESC LIMIT 1",
        soci::use(issuer, "issuer"), soci::into(row.serial), soci::into(issued_at), soci::into(not_after);
    if (!sql.got_data()) return std::nullopt;
    row.issued_at = {issued_at};
    row.not_after = {not_after};
    return row;
  });
}

base::Result<std::int64_t> end_some_of(Transaction& transaction, const CaEnding& ending) {
  return run(transaction, "revoke certificates of a CA", [&](soci::session& sql) {
    const long long at = ending.at.micros;
    soci::statement update =
        (sql.prepare << "UPDATE certificates SET revoked_at = :at, revoked_for = :reason WHERE serial IN"
                        " (SELECT serial FROM certificates WHERE issuer = :issuer AND revoked_at IS NULL"
                        " AND not_after >= :now AND purpose <> 'ocsp' LIMIT :limit)",
         soci::use(at, "at"), soci::use(ending.reason, "reason"), soci::use(ending.issuer, "issuer"),
         soci::use(at, "now"), soci::use(ending.limit, "limit"));
    update.execute(true);
    return static_cast<std::int64_t>(update.get_affected_rows());
  });
}

base::Result<std::vector<UnshardedRow>> list_unsharded(Transaction& transaction, int limit) {
  return run(transaction, "list certificates without a CRL", [&](soci::session& sql) {
    UnshardedRow row;
    soci::statement query =
        (sql.prepare << "SELECT serial, issuer FROM certificates WHERE crl_shard IS NULL LIMIT :limit",
         soci::use(limit, "limit"), soci::into(row.serial), soci::into(row.issuer));
    query.execute();
    std::vector<UnshardedRow> rows;
    while (query.fetch())
      rows.push_back(row);
    return rows;
  });
}

base::Result<void> set_crl_shard(Transaction& transaction, const std::string& serial, std::int64_t shard) {
  return run(transaction, "set the CRL of a certificate", [&](soci::session& sql) {
    const long long value = shard;
    sql << "UPDATE certificates SET crl_shard = :shard WHERE serial = :serial", soci::use(value, "shard"),
        soci::use(serial, "serial");
  });
}

base::Result<void> note_status_url(Transaction& transaction, const StatusUrlRow& row) {
  return run(transaction, "note where status is published", [&](soci::session& sql) {
    sql << "INSERT INTO status_urls (url, last_used) VALUES (:url, :last_used)"
           " ON CONFLICT (url) DO UPDATE SET last_used = excluded.last_used",
        soci::use(row);
  });
}

base::Result<std::vector<StatusUrlRow>> list_status_urls(Transaction& transaction) {
  return run(transaction, "list where status is published", [](soci::session& sql) {
    return collect<StatusUrlRow>(sql.prepare << "SELECT url, last_used FROM status_urls ORDER BY last_used DESC, url");
  });
}

}  // namespace countersign::store
