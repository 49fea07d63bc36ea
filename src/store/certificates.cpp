#include "store/certificates.h"

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

/// The condition that stands for a status; `:now` is bound in each.
const char* condition(CertificateStatus status) {
  switch (status) {
    case CertificateStatus::any: return "(:now = :now)";
    case CertificateStatus::valid: return "(revoked_at IS NULL AND not_after >= :now)";
    case CertificateStatus::revoked: return "(revoked_at IS NOT NULL AND :now = :now)";
    case CertificateStatus::expired: return "(revoked_at IS NULL AND not_after < :now)";
  }
  BASE_UNREACHABLE();
}

}  // namespace

base::Result<void> insert(Transaction& transaction, const CertificateRow& row) {
  return run(transaction, "store a certificate", [&](soci::session& sql) {
    sql << "INSERT INTO certificates (serial, fingerprint, spki_sha256, der, environment, organisation, application, "
           "purpose,"
           " issuer, issued_at, not_before, not_after, revoked_at, revoked_for, replaces, first_seen_at, crl_shard)"
           " VALUES (:serial, :fingerprint, :spki_sha256, :der, :environment, :organisation, :application, :purpose,"
           " :issuer, :issued_at, :not_before, :not_after, :revoked_at, :revoked_for, :replaces, :first_seen_at,"
           " :crl_shard)",
        soci::use(row);
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

base::Result<std::vector<CertificateRow>> list_certificates(Transaction& transaction, const CertificateFilter& filter) {
  return run(transaction, "list certificates", [&](soci::session& sql) {
    const long long now = filter.now.micros;
    return collect<CertificateRow>(
        (sql.prepare << "SELECT * FROM certificates"
                        " WHERE (:environment = '' OR environment = :environment)"
                        " AND (:organisation = '' OR organisation = :organisation)"
                        " AND (:application = '' OR application = :application)"
                        " AND (:purpose = '' OR purpose = :purpose)"
                        " AND (:spki_sha256 = '' OR spki_sha256 = :spki_sha256) AND "
                     << condition(filter.status) << " ORDER BY issued_at DESC, serial LIMIT :limit",
         soci::use(filter.of.environment, "environment"), soci::use(filter.of.organisation, "organisation"),
         soci::use(filter.of.application, "application"), soci::use(filter.purpose, "purpose"),
         soci::use(filter.spki_sha256, "spki_sha256"), soci::use(now, "now"), soci::use(filter.limit, "limit")));
  });
}

base::Result<std::vector<CertificateRow>> list_certificates_of_key(Transaction& transaction,
                                                                   const std::string& spki_sha256) {
  return run(transaction, "list the certificates of a key", [&](soci::session& sql) {
    return collect<CertificateRow>(
        (sql.prepare << "SELECT * FROM certificates WHERE spki_sha256 = :spki_sha256 ORDER BY issued_at, serial",
         soci::use(spki_sha256, "spki_sha256")));
  });
}

base::Result<std::vector<CertificateRow>> list_selected(Transaction& transaction, const CertificateSelection& selection,
                                                        base::Instant now, int limit) {
  return run(transaction, "select certificates", [&](soci::session& sql) {
    const long long micros = now.micros;
    const long long from = selection.issued_from.value_or(base::Instant{INT64_MIN}).micros;
    const long long until = selection.issued_until.value_or(base::Instant{INT64_MAX}).micros;
    return collect<CertificateRow>(
        (sql.prepare << "SELECT * FROM certificates"
                        " WHERE (:environment = '' OR environment = :environment)"
                        " AND (:organisation = '' OR organisation = :organisation)"
                        " AND (:application = '' OR application = :application)"
                        " AND (:spki_sha256 = '' OR spki_sha256 = :spki_sha256)"
                        " AND issued_at >= :from AND issued_at <= :until AND not_after >= :now"
                        " ORDER BY serial LIMIT :limit",
         soci::use(selection.of.environment, "environment"), soci::use(selection.of.organisation, "organisation"),
         soci::use(selection.of.application, "application"), soci::use(selection.spki_sha256, "spki_sha256"),
         soci::use(from, "from"), soci::use(until, "until"), soci::use(micros, "now"), soci::use(limit, "limit")));
  });
}

base::Result<std::vector<CertificateRow>> list_living_certificates(Transaction& transaction, base::Instant now) {
  return run(transaction, "list certificates", [&](soci::session& sql) {
    const long long micros = now.micros;
    return collect<CertificateRow>((sql.prepare << "SELECT * FROM certificates WHERE not_after >= :now ORDER BY serial",
                                    soci::use(micros, "now")));
  });
}

base::Result<std::vector<CertificateRow>> list_unlogged_certificates(Transaction& transaction, int limit) {
  return run(transaction, "list certificates that are not in the log", [&](soci::session& sql) {
    return collect<CertificateRow>(
        (sql.prepare << "SELECT * FROM certificates WHERE serial NOT IN (SELECT serial FROM merkle_leaves)"
                        " ORDER BY issued_at, serial LIMIT :limit",
         soci::use(limit, "limit")));
  });
}

}  // namespace countersign::store
