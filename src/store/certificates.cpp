#include "store/certificates.h"

#include "store/bulk.h"
#include "store/sql.h"

STORE_ROW(CertificateRow);

void soci::type_conversion<countersign::store::CertificateRow>::from_base(const soci::values& from, soci::indicator,
                                                                          countersign::store::CertificateRow& row) {
  using namespace countersign::store;
  row.serial = text(from, "serial");
  row.fingerprint = text(from, "fingerprint");
  row.spki_sha256 = text(from, "spki_sha256");
  row.der = text(from, "der");
  row.key = application_key(from);
  row.purpose = text(from, "purpose");
  row.issuer = text(from, "issuer");
  row.issued_at = instant(from, "issued_at");
  row.not_before = instant(from, "not_before");
  row.not_after = instant(from, "not_after");
  row.revoked_at = maybe_instant(from, "revoked_at");
  row.revoked_for = maybe_text(from, "revoked_for");
  row.replaces = maybe_text(from, "replaces");
  row.first_seen_at = maybe_instant(from, "first_seen_at");
  if (from.get_indicator("crl_shard") != soci::i_null) row.crl_shard = whole(from, "crl_shard");
}

void soci::type_conversion<countersign::store::CertificateRow>::to_base(const countersign::store::CertificateRow& row,
                                                                        soci::values& to, soci::indicator& indicator) {
  using namespace countersign::store;
  put(to, "serial", row.serial);
  put(to, "fingerprint", row.fingerprint);
  put(to, "spki_sha256", row.spki_sha256);
  put(to, "der", row.der);
  put(to, row.key);
  put(to, "purpose", row.purpose);
  put(to, "issuer", row.issuer);
  put(to, "issued_at", row.issued_at);
  put(to, "not_before", row.not_before);
  put(to, "not_after", row.not_after);
  put(to, "revoked_at", row.revoked_at);
  put(to, "revoked_for", row.revoked_for);
  put(to, "replaces", row.replaces);
  put(to, "first_seen_at", row.first_seen_at);
  to.set("crl_shard", static_cast<long long>(row.crl_shard.value_or(0)), row.crl_shard ? soci::i_ok : soci::i_null);
  indicator = soci::i_ok;
}

namespace countersign::store {
namespace {

struct WasKeyRevoked {
  explicit WasKeyRevoked(soci::session& sql)
      : statement((sql.prepare << "SELECT COUNT(*) FROM certificates"
                                  " WHERE spki_sha256 = :spki_sha256 AND revoked_for = :reason"
                                  " AND revoked_at IS NOT NULL",
                   soci::use(spki_sha256, "spki_sha256"), soci::use(reason, "reason"), soci::into(found))) {}
  std::string spki_sha256;
  std::string reason;
  long long found = 0;
  soci::statement statement;
};

}  // namespace

base::Result<void> insert(Transaction& transaction, const CertificateRow& row) {
  return insert(transaction, std::vector{row});
}

base::Result<void> insert(Transaction& transaction, const std::vector<CertificateRow>& rows) {
  return run(transaction, "store a certificate", [&](soci::session& sql) {
    Bulk bulk(
        "INSERT INTO certificates (serial, fingerprint, spki_sha256, der, environment, organisation, application,"
        " purpose, issuer, issued_at, not_before, not_after, revoked_at, revoked_for, replaces, first_seen_at,"
        " crl_shard)",
        17);
    for (const CertificateRow& row : rows)
      bulk.add(row.serial)
          .add(row.fingerprint)
          .add(row.spki_sha256)
          .add(row.der)
          .add(row.key.environment)
          .add(row.key.organisation)
          .add(row.key.application)
          .add(row.purpose)
          .add(row.issuer)
          .add(row.issued_at)
          .add(row.not_before)
          .add(row.not_after)
          .add(row.revoked_at)
          .add(row.revoked_for)
          .add(row.replaces)
          .add(row.first_seen_at)
          .add(row.crl_shard);
    bulk.insert(sql);
  });
}

base::Result<std::optional<CertificateRow>> find_certificate(Transaction& transaction, const std::string& serial) {
  return run(transaction, "find a certificate", [&](soci::session& sql) {
    return first<CertificateRow>(
        (sql.prepare << "SELECT * FROM certificates WHERE serial = :serial", soci::use(serial, "serial")));
  });
}

base::Result<std::optional<CertificateRow>> find_certificate_by_fingerprint(Transaction& transaction,
                                                                            const std::string& fingerprint) {
  return run(transaction, "find a certificate", [&](soci::session& sql) {
    return first<CertificateRow>((sql.prepare << "SELECT * FROM certificates WHERE fingerprint = :fingerprint",
                                  soci::use(fingerprint, "fingerprint")));
  });
}

base::Result<void> revoke_certificate(Transaction& transaction, const std::string& serial, const std::string& reason,
                                      base::Instant at) {
  return run(transaction, "revoke a certificate", [&](soci::session& sql) {
    const long long micros = at.micros;
    sql << "UPDATE certificates SET revoked_at = :at, revoked_for = :reason WHERE serial = :serial",
        soci::use(micros, "at"), soci::use(reason, "reason"), soci::use(serial, "serial");
  });
}

base::Result<bool> see_certificate(Transaction& transaction, const std::string& fingerprint, base::Instant at) {
  return run(transaction, "note that a certificate is in use", [&](soci::session& sql) {
    const long long micros = at.micros;
    soci::statement update = (sql.prepare << "UPDATE certificates SET first_seen_at = :at"
                                             " WHERE fingerprint = :fingerprint AND first_seen_at IS NULL",
                              soci::use(micros, "at"), soci::use(fingerprint, "fingerprint"));
    update.execute(true);
    return update.get_affected_rows() == 1;
  });
}

base::Result<std::vector<CertificateRow>> list_successors(Transaction& transaction, const std::string& serial) {
  return run(transaction, "list successors", [&](soci::session& sql) {
    return collect<CertificateRow>(
        (sql.prepare << "SELECT * FROM certificates WHERE replaces = :serial ORDER BY issued_at, serial",
         soci::use(serial, "serial")));
  });
}

base::Result<std::vector<CertificateRow>> list_certificates_of_key(Transaction& transaction,
                                                                   const std::string& spki_sha256) {
  return run(transaction, "list the certificates of a key", [&](soci::session& sql) {
    return collect<CertificateRow>(
        (sql.prepare << "SELECT * FROM certificates"
                        " WHERE serial IN (SELECT serial FROM issuances WHERE spki_sha256 = :spki_sha256)"
                        " ORDER BY issued_at, serial",
         soci::use(spki_sha256, "spki_sha256")));
  });
}

base::Result<bool> was_key_revoked_for(Transaction& transaction, const std::string& spki_sha256,
                                       const std::string& reason) {
  return run_kept<WasKeyRevoked>(transaction, "look up a key", [&](WasKeyRevoked& was) {
    was.spki_sha256 = spki_sha256;
    was.reason = reason;
    was.statement.execute();
    while (was.statement.fetch()) {
    }
    return was.found > 0;
  });
}

base::Result<std::vector<CertificateRow>> list_unlogged_certificates(Transaction& transaction, int limit) {
  return run(transaction, "list certificates that are not in the log", [&](soci::session& sql) {
    // At every start: counting both is quick, looking for each certificate is not.
    long long certificates = 0;
    long long leaves = 0;
    sql << "SELECT COUNT(*) FROM certificates", soci::into(certificates);
    sql << "SELECT COALESCE(MAX(number) + 1, 0) FROM merkle_leaves", soci::into(leaves);
    if (certificates == leaves) return std::vector<CertificateRow>();
    return collect<CertificateRow>(
        (sql.prepare << "SELECT * FROM certificates WHERE serial NOT IN (SELECT serial FROM merkle_leaves)"
                        " ORDER BY issued_at, serial LIMIT :limit",
         soci::use(limit, "limit")));
  });
}

}  // namespace countersign::store
