#include "store/living.h"

#include "store/sql.h"

namespace countersign::store {

base::Result<void> visit_living(Transaction& transaction, base::Instant now,
                                const std::function<void(const LivingRow&)>& visit) {
  return run(transaction, "list certificates", [&](soci::session& sql) {
    const long long micros = now.micros;
    // There may be millions: plain columns.
    LivingRow row;
    long long not_after = 0;
    std::string revoked_for;
    soci::indicator revoked = soci::i_null;
    soci::statement query =
        (sql.prepare << "SELECT fingerprint, environment, organisation, application, purpose, not_after, revoked_for"
                        " FROM certificates WHERE not_after >= :now",
         soci::use(micros, "now"), soci::into(row.fingerprint), soci::into(row.key.environment),
         soci::into(row.key.organisation), soci::into(row.key.application), soci::into(row.purpose),
         soci::into(not_after), soci::into(revoked_for, revoked));
    query.execute();
    while (query.fetch()) {
      row.not_after = {not_after};
      row.revoked_for = revoked == soci::i_ok ? std::optional(revoked_for) : std::nullopt;
      visit(row);
    }
  });
}

base::Result<void> visit_living_certificates(Transaction& transaction, const std::string& purpose, base::Instant now,
                                             const std::function<void(const LivingCertificateRow&)>& visit) {
  return run(transaction, "list certificates of a purpose", [&](soci::session& sql) {
    const long long micros = now.micros;
    LivingCertificateRow row;
    soci::statement query =
        (sql.prepare << "SELECT environment, organisation, application, der FROM certificates"
                        " WHERE purpose = :purpose AND not_after >= :now ORDER BY issued_at, serial",
         soci::use(purpose, "purpose"), soci::use(micros, "now"), soci::into(row.key.environment),
         soci::into(row.key.organisation), soci::into(row.key.application), soci::into(row.der));
    query.execute();
    while (query.fetch())
      visit(row);
  });
}

}  // namespace countersign::store
