#include "store/issuances.h"

#include "store/bulk.h"
#include "store/sql.h"

STORE_ROW(IssuanceRow);

void soci::type_conversion<countersign::store::IssuanceRow>::from_base(const soci::values& from, soci::indicator,
                                                                       countersign::store::IssuanceRow& row) {
  using namespace countersign::store;
  row.serial = text(from, "serial");
  row.key = application_key(from);
  row.purpose = text(from, "purpose");
  row.names = text(from, "names");
  row.spki_sha256 = text(from, "spki_sha256");
  row.tbs_sha256 = text(from, "tbs_sha256");
  row.issuer = text(from, "issuer");
  row.requested_by = text(from, "requested_by");
  row.state = text(from, "state");
  row.recorded_at = instant(from, "recorded_at");
  row.finished_at = maybe_instant(from, "finished_at");
  row.instance = maybe_text(from, "instance");
}

void soci::type_conversion<countersign::store::IssuanceRow>::to_base(const countersign::store::IssuanceRow& row,
                                                                     soci::values& to, soci::indicator& indicator) {
  using namespace countersign::store;
  put(to, "serial", row.serial);
  put(to, row.key);
  put(to, "purpose", row.purpose);
  put(to, "names", row.names);
  put(to, "spki_sha256", row.spki_sha256);
  put(to, "tbs_sha256", row.tbs_sha256);
  put(to, "issuer", row.issuer);
  put(to, "requested_by", row.requested_by);
  put(to, "state", row.state);
  put(to, "recorded_at", row.recorded_at);
  put(to, "finished_at", row.finished_at);
  put(to, "instance", row.instance);
  indicator = soci::i_ok;
}

namespace countersign::store {
namespace {

struct FinishIssuance {
  explicit FinishIssuance(soci::session& sql)
      : statement((sql.prepare << "UPDATE issuances SET state = :state, finished_at = :at"
                                  " WHERE serial = :serial AND state = 'recorded'",
                   soci::use(state, "state"), soci::use(at, "at"), soci::use(serial, "serial"))) {}
  std::string serial;
  std::string state;
  long long at = 0;
  soci::statement statement;
};

struct ListKeyUses {
  explicit ListKeyUses(soci::session& sql)
      : statement((sql.prepare << "SELECT DISTINCT environment, organisation, application, purpose"
                                  " FROM issuances WHERE spki_sha256 = :spki_sha256"
                                  " ORDER BY environment, organisation, application, purpose",
                   soci::use(spki_sha256, "spki_sha256"), soci::into(row.key.environment),
                   soci::into(row.key.organisation), soci::into(row.key.application), soci::into(row.purpose))) {}
  std::string spki_sha256;
  KeyUseRow row;
  soci::statement statement;
};

}  // namespace

base::Result<void> insert(Transaction& transaction, const IssuanceRow& row) {
  return insert(transaction, std::vector{row});
}

base::Result<void> insert(Transaction& transaction, const std::vector<IssuanceRow>& rows) {
  return run(transaction, "record an issuance", [&](soci::session& sql) {
    Bulk bulk(
        "INSERT INTO issuances (serial, environment, organisation, application, purpose, names, spki_sha256,"
        " tbs_sha256, issuer, requested_by, state, recorded_at, finished_at, instance)",
        14);
    for (const IssuanceRow& row : rows)
      bulk.add(row.serial)
          .add(row.key.environment)
          .add(row.key.organisation)
          .add(row.key.application)
          .add(row.purpose)
          .add(row.names)
          .add(row.spki_sha256)
          .add(row.tbs_sha256)
          .add(row.issuer)
          .add(row.requested_by)
          .add(row.state)
          .add(row.recorded_at)
          .add(row.finished_at)
          .add(row.instance);
    bulk.insert(sql);
  });
}

base::Result<std::optional<IssuanceRow>> find_issuance(Transaction& transaction, const std::string& serial) {
  return run(transaction, "find an issuance", [&](soci::session& sql) {
    return first<IssuanceRow>(
        (sql.prepare << "SELECT * FROM issuances WHERE serial = :serial", soci::use(serial, "serial")));
  });
}

base::Result<std::vector<IssuanceRow>> list_open_issuances(Transaction& transaction) {
  return run(transaction, "list open issuances", [&](soci::session& sql) {
    return collect<IssuanceRow>(sql.prepare
                                << "SELECT * FROM issuances WHERE state = 'recorded' ORDER BY recorded_at, serial");
  });
}

base::Result<bool> finish_issuance(Transaction& transaction, const std::string& serial, const std::string& state,
                                   base::Instant at) {
  return run_kept<FinishIssuance>(transaction, "finish an issuance", [&](FinishIssuance& finish) {
    finish.serial = serial;
    finish.state = state;
    finish.at = at.micros;
    finish.statement.execute(true);
    return finish.statement.get_affected_rows() == 1;
  });
}

base::Result<std::vector<KeyUseRow>> list_key_uses(Transaction& transaction, const std::string& spki_sha256) {
  return run_kept<ListKeyUses>(transaction, "look up a key", [&](ListKeyUses& list) {
    list.spki_sha256 = spki_sha256;
    list.statement.execute();
    std::vector<KeyUseRow> rows;
    while (list.statement.fetch())
      rows.push_back(list.row);
    return rows;
  });
}

}  // namespace countersign::store
