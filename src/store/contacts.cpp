#include "store/contacts.h"

#include "store/sql.h"
#include "store/where.h"

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

base::Result<std::vector<ContactRow>> list_contacts(Transaction& transaction,
                                                    const std::set<std::string>& organisations) {
  if (organisations.empty()) return std::vector<ContactRow>();
  return run(transaction, "list contacts", [&](soci::session& sql) {
    Where where;
    std::string held;
    for (const std::string& organisation : organisations)
      held += (held.empty() ? "" : ", ") + where.hold(organisation);
    where.add("organisation IN (" + held + ")");
    where.add("removed_at IS NULL");
    soci::details::prepare_temp_type query = sql.prepare
                                             << "SELECT * FROM contacts" + where.text() + " ORDER BY created_at, id";
    where.bind(query);
    return collect<ContactRow>(query);
  });
}

base::Result<std::vector<ContactRow>> list_untold_contacts(Transaction& transaction, const UntoldOf& of) {
  return run(transaction, "list whom a CA is to be announced to", [&](soci::session& sql) {
    Where where;
    where.add("removed_at IS NULL");
    where.add("(environment IS NULL OR environment = " + where.hold(of.environment) + ")");
    if (of.kinds == ContactKinds::webhooks) where.add("kind = 'webhook'");
    where.add("NOT EXISTS (SELECT 1 FROM ca_announcements a WHERE a.ca = " + where.hold(of.ca) +
              " AND a.contact = contacts.id)");
    soci::details::prepare_temp_type query = sql.prepare << "SELECT * FROM contacts" + where.text() +
                                                                " ORDER BY organisation, id LIMIT " +
                                                                std::to_string(of.limit);
    where.bind(query);
    return collect<ContactRow>(query);
  });
}

base::Result<void> remove_contact(Transaction& transaction, const std::string& id, base::Instant at) {
  return run(transaction, "remove a contact", [&](soci::session& sql) {
    const long long micros = at.micros;
    sql << "UPDATE contacts SET removed_at = :at WHERE id = :id", soci::use(micros, "at"), soci::use(id, "id");
  });
}

}  // namespace countersign::store
