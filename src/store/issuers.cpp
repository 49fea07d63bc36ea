#include "store/issuers.h"

#include "store/sql.h"

STORE_ROW(RootRow);
STORE_ROW(IssuingCaRow);

void soci::type_conversion<countersign::store::RootRow>::from_base(const soci::values& from, soci::indicator,
                                                                   countersign::store::RootRow& row) {
  using namespace countersign::store;
  row = {text(from, "name"), text(from, "der"), instant(from, "created_at")};
}

void soci::type_conversion<countersign::store::RootRow>::to_base(const countersign::store::RootRow& row,
                                                                 soci::values& to, soci::indicator& indicator) {
  using namespace countersign::store;
  put(to, "name", row.name);
  put(to, "der", row.der);
  put(to, "created_at", row.created_at);
  indicator = soci::i_ok;
}

void soci::type_conversion<countersign::store::IssuingCaRow>::from_base(const soci::values& from, soci::indicator,
                                                                        countersign::store::IssuingCaRow& row) {
  using namespace countersign::store;
  row = {text(from, "name"), text(from, "root"),          text(from, "environment"), split(text(from, "purposes")),
         text(from, "der"),  instant(from, "created_at"), whole(from, "crl_shards")};
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
  indicator = soci::i_ok;
}

namespace countersign::store {

base::Result<void> insert(Transaction& transaction, const RootRow& row) {
  return run(transaction, "store a root", [&](soci::session& sql) {
    sql << "INSERT INTO roots (name, der, created_at) VALUES (:name, :der, :created_at)", soci::use(row);
  });
}

base::Result<void> insert(Transaction& transaction, const IssuingCaRow& row) {
  return run(transaction, "store an issuing CA", [&](soci::session& sql) {
    sql << "INSERT INTO issuing_cas (name, root, environment, purposes, der, created_at, crl_shards)"
           " VALUES (:name, :root, :environment, :purposes, :der, :created_at, :crl_shards)",
        soci::use(row);
  });
}

base::Result<std::vector<RootRow>> list_roots(Transaction& transaction) {
  return run(transaction, "list roots",
             [](soci::session& sql) { return collect<RootRow>(sql.prepare << "SELECT * FROM roots ORDER BY name"); });
}

base::Result<std::vector<IssuingCaRow>> list_issuing_cas(Transaction& transaction) {
  return run(transaction, "list issuing CAs", [](soci::session& sql) {
    return collect<IssuingCaRow>(sql.prepare << "SELECT * FROM issuing_cas ORDER BY name");
  });
}

}  // namespace countersign::store
