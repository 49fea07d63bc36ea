#include "store/contacts.h"

#include "store/sql.h"

STORE_ROW(ContactRow);

void soci::type_conversion<countersign::store::ContactRow>::from_base(const soci::values& from, soci::indicator,
                                                                      countersign::store::ContactRow& row) {
  using namespace countersign::store;
  row.id = text(from, "id");
  row.organisation = text(from, "organisation");
  row.environment = maybe_text(from, "environment");
  row.application = maybe_text(from, "application");
  row.kind = text(from, "kind");
  row.address = text(from, "address");
  row.created_by = text(from, "created_by");
  row.created_at = instant(from, "created_at");
  row.removed_at = maybe_instant(from, "removed_at");
}

void soci::type_conversion<countersign::store::ContactRow>::to_base(const countersign::store::ContactRow& row,
                                                                    soci::values& to, soci::indicator& indicator) {
  using namespace countersign::store;
  put(to, "id", row.id);
  put(to, "organisation", row.organisation);
  put(to, "environment", row.environment);
  put(to, "application", row.application);
  put(to, "kind", row.kind);
  put(to, "address", row.address);
  put(to, "created_by", row.created_by);
  put(to, "created_at", row.created_at);
  put(to, "removed_at", row.removed_at);
  indicator = soci::i_ok;
}

namespace countersign::store {

base::Result<void> insert(Transaction& transaction, const ContactRow& row) {
  return run(transaction, "store a contact", [&](soci::session& sql) {
    sql << "INSERT INTO contacts (id, organisation, environment, application, kind, address, created_by, created_at,"
           " removed_at) VALUES (:id, :organisation, :environment, :application, :kind, :address, :created_by,"
           " :created_at, :removed_at)",
        soci::use(row);
  });
}

base::Result<std::optional<ContactRow>> find_contact(Transaction& transaction, const std::string& id) {
  return run(transaction, "find a contact", [&](soci::session& sql) {
    return first<ContactRow>((sql.prepare << "SELECT * FROM contacts WHERE id = :id", soci::use(id, "id")));
  });
}

base::Result<std::vector<ContactRow>> list_contacts(Transaction& transaction, const std::string& organisation) {
  return run(transaction, "list contacts", [&](soci::session& sql) {
    return collect<ContactRow>((sql.prepare << "SELECT * FROM contacts WHERE organisation = :organisation"
                                               " AND removed_at IS NULL ORDER BY created_at, id",
                                soci::use(organisation, "organisation")));
  });
}

base::Result<std::vector<ContactRow>> list_contacts_of(Transaction& transaction, const ApplicationKey& key) {
  return run(transaction, "list contacts", [&](soci::session& sql) {
    return collect<ContactRow>((sql.prepare << "SELECT * FROM contacts WHERE organisation = :organisation"
                                               " AND removed_at IS NULL AND (application IS NULL"
                                               " OR (environment = :environment AND application = :application))"
                                               " ORDER BY created_at, id",
                                soci::use(key.organisation, "organisation"), soci::use(key.environment, "environment"),
                                soci::use(key.application, "application")));
  });
}

base::Result<void> remove_contact(Transaction& transaction, const std::string& id, base::Instant at) {
  return run(transaction, "remove a contact", [&](soci::session& sql) {
    const long long micros = at.micros;
    sql << "UPDATE contacts SET removed_at = :at WHERE id = :id", soci::use(micros, "at"), soci::use(id, "id");
  });
}

}  // namespace countersign::store
