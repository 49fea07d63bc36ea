#include "store/codes.h"

#include "store/sql.h"

STORE_ROW(EnrolmentCodeRow);
STORE_ROW(RedemptionRow);

void soci::type_conversion<countersign::store::EnrolmentCodeRow>::from_base(const soci::values& from, soci::indicator,
                                                                            countersign::store::EnrolmentCodeRow& row) {
  using namespace countersign::store;
  row = {text(from, "code_sha256"),   application_key(from),       text(from, "created_by"),
         instant(from, "created_at"), instant(from, "expires_at"), maybe_instant(from, "cancelled_at")};
}

void soci::type_conversion<countersign::store::EnrolmentCodeRow>::to_base(
    const countersign::store::EnrolmentCodeRow& row, soci::values& to, soci::indicator& indicator) {
  using namespace countersign::store;
  put(to, "code_sha256", row.code_sha256);
  put(to, row.key);
  put(to, "created_by", row.created_by);
  put(to, "created_at", row.created_at);
  put(to, "expires_at", row.expires_at);
  indicator = soci::i_ok;
}

void soci::type_conversion<countersign::store::RedemptionRow>::from_base(const soci::values& from, soci::indicator,
                                                                         countersign::store::RedemptionRow& row) {
  using namespace countersign::store;
  row = {text(from, "code_sha256"), text(from, "purpose"), maybe_text(from, "spki_sha256"), maybe_text(from, "serial")};
}

void soci::type_conversion<countersign::store::RedemptionRow>::to_base(const countersign::store::RedemptionRow& row,
                                                                       soci::values& to, soci::indicator& indicator) {
  using namespace countersign::store;
  put(to, "code_sha256", row.code_sha256);
  put(to, "purpose", row.purpose);
  put(to, "spki_sha256", row.spki_sha256);
  put(to, "serial", row.serial);
  indicator = soci::i_ok;
}

namespace countersign::store {
namespace {

struct FindCode {
  explicit FindCode(soci::session& sql)
      : statement((sql.prepare << "SELECT environment, organisation, application, created_by, created_at, expires_at,"
                                  " cancelled_at FROM enrolment_codes WHERE code_sha256 = :code_sha256",
                   soci::use(row.code_sha256, "code_sha256"), soci::into(row.key.environment),
                   soci::into(row.key.organisation), soci::into(row.key.application), soci::into(row.created_by),
                   soci::into(created_at), soci::into(expires_at), soci::into(cancelled_at, cancelled))) {}
  EnrolmentCodeRow finished() {
    row.created_at = {created_at};
    row.expires_at = {expires_at};
    row.cancelled_at.reset();
    if (cancelled == soci::i_ok) row.cancelled_at = base::Instant{cancelled_at};
    return row;
  }
  EnrolmentCodeRow row;
  long long created_at = 0;
  long long expires_at = 0;
  long long cancelled_at = 0;
  soci::indicator cancelled = soci::i_null;
  soci::statement statement;
};

struct ListRedemptions {
  explicit ListRedemptions(soci::session& sql)
      : statement((sql.prepare << "SELECT purpose, spki_sha256, serial FROM redemptions"
                                  " WHERE code_sha256 = :code_sha256 ORDER BY purpose",
                   soci::use(row.code_sha256, "code_sha256"), soci::into(row.purpose), soci::into(spki_sha256, bound),
                   soci::into(serial, done))) {}
  RedemptionRow finished() {
    row.spki_sha256.reset();
    row.serial.reset();
    if (bound == soci::i_ok) row.spki_sha256 = spki_sha256;
    if (done == soci::i_ok) row.serial = serial;
    return row;
  }
  RedemptionRow row;
  std::string spki_sha256;
  std::string serial;
  soci::indicator bound = soci::i_null;
  soci::indicator done = soci::i_null;
  soci::statement statement;
};

struct Redeem {
  explicit Redeem(soci::session& sql)
      : statement((sql.prepare << "UPDATE redemptions SET spki_sha256 = :spki_sha256, serial = :serial"
                                  " WHERE code_sha256 = :code_sha256 AND purpose = :purpose AND serial IS NULL"
                                  " AND (spki_sha256 IS NULL OR spki_sha256 = :spki_sha256)",
                   soci::use(spki_sha256, "spki_sha256"), soci::use(serial, finished, "serial"),
                   soci::use(code_sha256, "code_sha256"), soci::use(purpose, "purpose"))) {}
  std::string code_sha256;
  std::string purpose;
  std::string spki_sha256;
  std::string serial;
  soci::indicator finished = soci::i_null;
  soci::statement statement;
};

}  // namespace

base::Result<void> insert(Transaction& transaction, const EnrolmentCodeRow& row,
                          const std::vector<std::string>& purposes) {
  return run(transaction, "store an enrolment code", [&](soci::session& sql) {
    sql << "INSERT INTO enrolment_codes"
           " (code_sha256, environment, organisation, application, created_by, created_at, expires_at)"
           " VALUES (:code_sha256, :environment, :organisation, :application, :created_by, :created_at, :expires_at)",
        soci::use(row);
    for (const std::string& purpose : purposes) {
      const RedemptionRow redemption{row.code_sha256, purpose, std::nullopt, std::nullopt};
      sql << "INSERT INTO redemptions (code_sha256, purpose, spki_sha256, serial)"
             " VALUES (:code_sha256, :purpose, :spki_sha256, :serial)",
          soci::use(redemption);
    }
  });
}

base::Result<std::optional<EnrolmentCodeRow>> find_enrolment_code(Transaction& transaction,
                                                                  const std::string& code_sha256) {
  return run_kept<FindCode>(transaction, "find an enrolment code",
                            [&](FindCode& find) -> std::optional<EnrolmentCodeRow> {
                              find.row.code_sha256 = code_sha256;
                              find.statement.execute();
                              std::optional<EnrolmentCodeRow> found;
                              while (find.statement.fetch())
                                found = find.finished();
                              return found;
                            });
}

base::Result<std::vector<EnrolmentCodeRow>> list_enrolment_codes(Transaction& transaction, const ApplicationKey& key) {
  return run(transaction, "list enrolment codes", [&](soci::session& sql) {
    return collect<EnrolmentCodeRow>((sql.prepare << "SELECT * FROM enrolment_codes WHERE environment = :environment"
                                                     " AND organisation = :organisation AND application = :application"
                                                     " ORDER BY created_at DESC, code_sha256",
                                      soci::use(key.environment, "environment"),
                                      soci::use(key.organisation, "organisation"),
                                      soci::use(key.application, "application")));
  });
}

base::Result<void> cancel_enrolment_code(Transaction& transaction, const std::string& code_sha256, base::Instant at) {
  return run(transaction, "cancel an enrolment code", [&](soci::session& sql) {
    const long long micros = at.micros;
    sql << "UPDATE enrolment_codes SET cancelled_at = :at WHERE code_sha256 = :code_sha256", soci::use(micros, "at"),
        soci::use(code_sha256, "code_sha256");
  });
}

base::Result<std::vector<RedemptionRow>> list_redemptions(Transaction& transaction, const std::string& code_sha256) {
  return run_kept<ListRedemptions>(transaction, "list redemptions", [&](ListRedemptions& list) {
    list.row.code_sha256 = code_sha256;
    list.statement.execute();
    std::vector<RedemptionRow> rows;
    while (list.statement.fetch())
      rows.push_back(list.finished());
    return rows;
  });
}

base::Result<bool> redeem(Transaction& transaction, const RedemptionRow& row) {
  BASE_CHECK(row.spki_sha256.has_value());
  return run_kept<Redeem>(transaction, "redeem an enrolment code", [&](Redeem& redeem) {
    redeem.code_sha256 = row.code_sha256;
    redeem.purpose = row.purpose;
    redeem.spki_sha256 = *row.spki_sha256;
    redeem.serial = row.serial.value_or("");
    redeem.finished = row.serial ? soci::i_ok : soci::i_null;
    redeem.statement.execute(true);
    return redeem.statement.get_affected_rows() == 1;
  });
}

}  // namespace countersign::store
