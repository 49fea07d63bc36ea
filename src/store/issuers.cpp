#include "store/issuers.h"

#include "store/sql.h"

STORE_ROW(RootRow);
STORE_ROW(CrossCertificateRow);
STORE_ROW(IssuingCaRow);
STORE_ROW(ProspectiveCaRow);

void soci::type_conversion<countersign::store::RootRow>::from_base(const soci::values& from, soci::indicator,
                                                                   countersign::store::RootRow& row) {
  using namespace countersign::store;
  row = {text(from, "name"), text(from, "der"),         instant(from, "created_at"),
         text(from, "line"), whole(from, "generation"), text(from, "state")};
}

void soci::type_conversion<countersign::store::RootRow>::to_base(const countersign::store::RootRow& row,
                                                                 soci::values& to, soci::indicator& indicator) {
  using namespace countersign::store;
  put(to, "name", row.name);
  put(to, "der", row.der);
  put(to, "created_at", row.created_at);
  put(to, "line", row.line.empty() ? row.name : row.line);
  put_whole(to, "generation", row.generation);
  put(to, "state", row.state);
  indicator = soci::i_ok;
}

void soci::type_conversion<countersign::store::CrossCertificateRow>::from_base(
    const soci::values& from, soci::indicator, countersign::store::CrossCertificateRow& row) {
  using namespace countersign::store;
  row = {text(from, "root"), text(from, "issuer"), text(from, "der"), instant(from, "created_at")};
}

void soci::type_conversion<countersign::store::CrossCertificateRow>::to_base(
    const countersign::store::CrossCertificateRow& row, soci::values& to, soci::indicator& indicator) {
  using namespace countersign::store;
  put(to, "root", row.root);
  put(to, "issuer", row.issuer);
  put(to, "der", row.der);
  put(to, "created_at", row.created_at);
  indicator = soci::i_ok;
}

void soci::type_conversion<countersign::store::IssuingCaRow>::from_base(const soci::values& from, soci::indicator,
                                                                        countersign::store::IssuingCaRow& row) {
  using namespace countersign::store;
  row = {text(from, "name"),
         text(from, "root"),
         text(from, "environment"),
         split(text(from, "purposes")),
         text(from, "der"),
         instant(from, "created_at"),
         whole(from, "crl_shards"),
         text(from, "line"),
         whole(from, "generation"),
         text(from, "state"),
         instant(from, "state_since"),
         maybe_instant(from, "use_from")};
}

void soci::type_conversion<countersign::store::IssuingCaRow>::to_base(const countersign::store::IssuingCaRow& row,
                                                                      soci::values& to, soci::indicator& indicator) {
  using namespace countersign::store;
  put(to, "name", row.name);
  put(to, "root", row.root);
  put(to, "environment", row.environment);
  put(to, "purposes", join(row.purposes));
  put(to, "der", row.der);
  put(to, "created_at", row.created_at);
  put_whole(to, "crl_shards", row.crl_shards);
  put(to, "line", row.line.empty() ? row.name : row.line);
  put_whole(to, "generation", row.generation);
  put(to, "state", row.state);
  put(to, "state_since", row.state_since);
  indicator = soci::i_ok;
}

void soci::type_conversion<countersign::store::ProspectiveCaRow>::from_base(const soci::values& from, soci::indicator,
                                                                            countersign::store::ProspectiveCaRow& row) {
  using namespace countersign::store;
  row = {text(from, "name"),       text(from, "line"),         whole(from, "generation"), text(from, "state"),
         text(from, "key_kind"),   text(from, "csr"),          text(from, "spki_sha256"), text(from, "tbs_sha256"),
         text(from, "created_by"), instant(from, "created_at")};
}

void soci::type_conversion<countersign::store::ProspectiveCaRow>::to_base(
    const countersign::store::ProspectiveCaRow& row, soci::values& to, soci::indicator& indicator) {
  using namespace countersign::store;
  put(to, "name", row.name);
  put(to, "line", row.line);
  put_whole(to, "generation", row.generation);
  put(to, "state", row.state);
  put(to, "key_kind", row.key_kind);
  put(to, "csr", row.csr);
  put(to, "spki_sha256", row.spki_sha256);
  put(to, "tbs_sha256", row.tbs_sha256);
  put(to, "created_by", row.created_by);
  put(to, "created_at", row.created_at);
  indicator = soci::i_ok;
}

namespace countersign::store {

base::Result<void> insert(Transaction& transaction, const RootRow& row) {
  return run(transaction, "store a root", [&](soci::session& sql) {
    sql << "INSERT INTO roots (name, der, created_at, line, generation, state)"
           " VALUES (:name, :der, :created_at, :line, :generation, :state)",
        soci::use(row);
  });
}

base::Result<void> insert(Transaction& transaction, const IssuingCaRow& row) {
  return run(transaction, "store an issuing CA", [&](soci::session& sql) {
    sql << "INSERT INTO issuing_cas (name, root, environment, purposes, der, created_at, crl_shards, line, generation,"
           " state, state_since)"
           " VALUES (:name, :root, :environment, :purposes, :der, :created_at, :crl_shards, :line, :generation,"
           " :state, :state_since)",
        soci::use(row);
  });
}

base::Result<void> set_issuing_ca_state(Transaction& transaction, const std::string& name, const std::string& state,
                                        base::Instant since) {
  return run(transaction, "change an issuing CA", [&](soci::session& sql) {
    const long long at = since.micros;
    sql << "UPDATE issuing_cas SET state = :state, state_since = :since WHERE name = :name", soci::use(state, "state"),
        soci::use(at, "since"), soci::use(name, "name");
  });
}

base::Result<void> set_issuing_ca_use_from(Transaction& transaction, const std::string& name, base::Instant use_from) {
  return run(transaction, "announce an issuing CA", [&](soci::session& sql) {
    const long long at = use_from.micros;
    sql << "UPDATE issuing_cas SET use_from = :use_from WHERE name = :name", soci::use(at, "use_from"),
        soci::use(name, "name");
  });
}

base::Result<std::optional<std::string>> find_issuing_ca_state(Transaction& transaction, const std::string& name) {
  return run(transaction, "find the state of an issuing CA", [&](soci::session& sql) -> std::optional<std::string> {
    std::string state;
    sql << "SELECT state FROM issuing_cas WHERE name = :name", soci::use(name, "name"), soci::into(state);
    if (!sql.got_data()) return std::nullopt;
    return state;
  });
}

base::Result<void> put(Transaction& transaction, const ProspectiveCaRow& row) {
  return run(transaction, "store a prospective CA", [&](soci::session& sql) {
    sql << "INSERT INTO prospective_cas (name, line, generation, state, key_kind, csr, spki_sha256, tbs_sha256,"
           " created_by, created_at) VALUES (:name, :line, :generation, :state, :key_kind, :csr, :spki_sha256,"
           " :tbs_sha256, :created_by, :created_at)"
           " ON CONFLICT (name) DO UPDATE SET state = excluded.state, csr = excluded.csr,"
           " spki_sha256 = excluded.spki_sha256, tbs_sha256 = excluded.tbs_sha256",
        soci::use(row);
  });
}

base::Result<std::vector<ProspectiveCaRow>> list_prospective_cas(Transaction& transaction) {
  return run(transaction, "list prospective CAs", [](soci::session& sql) {
    return collect<ProspectiveCaRow>(sql.prepare << "SELECT * FROM prospective_cas ORDER BY line, generation");
  });
}

base::Result<IssuedCount> count_issued(Transaction& transaction, const std::string& issuer, base::Instant now) {
  return run(transaction, "count the certificates of a CA", [&](soci::session& sql) {
    const long long at = now.micros;
    long long living = 0;
    long long last = 0;
    soci::indicator any = soci::i_null;
    sql << "SELECT COUNT(*) FROM certificates WHERE issuer = :issuer AND not_after >= :now AND revoked_at IS NULL"
           " AND purpose <> 'ocsp'",
        soci::use(issuer, "issuer"), soci::use(at, "now"), soci::into(living);
    sql << "SELECT MAX(not_after) FROM certificates WHERE issuer = :issuer AND purpose <> 'ocsp'",
        soci::use(issuer, "issuer"), soci::into(last, any);
    long long open = 0;
    sql << "SELECT COUNT(*) FROM issuances WHERE issuer = :issuer AND state = 'recorded' AND purpose <> 'ocsp'",
        soci::use(issuer, "issuer"), soci::into(open);
    IssuedCount count{living + open, std::nullopt};
    if (any == soci::i_ok) count.last = base::Instant{last};
    return count;
  });
}

base::Result<std::vector<RootRow>> list_roots(Transaction& transaction) {
  return run(transaction, "list roots", [](soci::session& sql) {
    return collect<RootRow>(sql.prepare << "SELECT * FROM roots ORDER BY line, generation");
  });
}

base::Result<void> retire_root(Transaction& transaction, const std::string& name) {
  return run(transaction, "retire a root", [&](soci::session& sql) {
    sql << "UPDATE roots SET state = 'retired' WHERE name = :name", soci::use(name, "name");
  });
}

base::Result<void> put(Transaction& transaction, const CrossCertificateRow& row) {
  return run(transaction, "store a cross certificate", [&](soci::session& sql) {
    sql << "INSERT INTO cross_certificates (root, issuer, der, created_at) VALUES (:root, :issuer, :der, :created_at)"
           " ON CONFLICT (root, issuer) DO UPDATE SET der = excluded.der, created_at = excluded.created_at",
        soci::use(row);
  });
}

base::Result<std::vector<CrossCertificateRow>> list_cross_certificates(Transaction& transaction) {
  return run(transaction, "list cross certificates", [](soci::session& sql) {
    return collect<CrossCertificateRow>(sql.prepare << "SELECT * FROM cross_certificates ORDER BY root, issuer");
  });
}

base::Result<std::vector<IssuingCaRow>> list_issuing_cas(Transaction& transaction) {
  return run(transaction, "list issuing CAs", [](soci::session& sql) {
    return collect<IssuingCaRow>(sql.prepare << "SELECT * FROM issuing_cas ORDER BY line, generation");
  });
}

}  // namespace countersign::store
