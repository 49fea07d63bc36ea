#include "authority/notices/contacts.h"

#include <algorithm>

#include "authority/registry/row_id.h"
#include "authority/registry/rows.h"
#include "crypto/mac.h"
#include "store/notices.h"
#include "store/organisations.h"

namespace countersign::authority {
namespace {

using base::Kind;

constexpr const char* kKeyDomain = "countersign webhook key 1\n";
constexpr const char* kSecretDomain = "countersign webhook secret 1\n";

base::Result<void> check_organisation(store::Transaction& rows, const base::Slug& id) {
  BASE_TRY(const auto organisation, store::find_organisation(rows, id.text()));
  if (organisation) return {};
  return base::fail(Kind::not_found, "organisation.unknown",
                    "there is no organisation '" + id.text() + "': create it first, or check the spelling");
}

base::Result<void> check_application(store::Transaction& rows, const NewContact& contact) {
  if (!contact.application) return {};
  BASE_TRY(const auto application, store::find_application(rows, to_key(*contact.application)));
  if (application && contact.application->organisation == contact.organisation) return {};
  return base::fail(Kind::not_found, "application.unknown",
                    "there is no application " + contact.application->to_urn() + " of this organisation");
}

bool is_same(const store::ContactRow& a, const store::ContactRow& b) {
  return a.address == b.address && a.environment == b.environment && a.application == b.application;
}

base::Result<void> check_others(store::Transaction& rows, const store::ContactRow& row) {
  BASE_TRY(const auto others, store::list_contacts(rows, row.organisation));
  if (std::ranges::any_of(others, [&row](const auto& other) { return is_same(other, row); }))
    return base::fail(Kind::conflict, "contact.exists", "this address is a contact for the same already");
  if (others.size() < kContactLimit) return {};
  return base::fail(Kind::conflict, "contact.too_many",
                    "an organisation has at most 20 contacts: remove one that is not needed");
}

store::ContactRow to_row(const NewContact& contact) {
  store::ContactRow row;
  row.organisation = contact.organisation.text();
  if (contact.application) {
    row.environment = base::name(contact.application->environment);
    row.application = contact.application->application.text();
  }
  row.kind = std::holds_alternative<courier::MailAddress>(contact.address) ? "email" : "webhook";
  row.address = std::visit([](const auto& address) { return address.text(); }, contact.address);
  return row;
}

}  // namespace

base::Secret derive_webhook_key(const base::Secret& audit_key) {
  const auto key = crypto::hmac_sha256(audit_key.reveal(), base::as_bytes(kKeyDomain));
  return base::Secret(base::Bytes(key.begin(), key.end()));
}

base::Secret Contacts::secret_of(const store::ContactRow& contact) const {
  const std::string about = kSecretDomain + contact.id + "\n" + contact.address;
  return base::Secret(base::to_hex(crypto::hmac_sha256(key_.reveal(), base::as_bytes(about))));
}

base::Result<store::ContactRow> Contacts::add(const Actor& actor, const NewContact& contact) {
  if (base::is_reserved_organisation(contact.organisation))
    return base::fail(Kind::conflict, "organisation.reserved",
                      "notices about the platform's own certificates go to the operators of authority.notices");
  store::ContactRow row = to_row(contact);
  BASE_TRY(row.id, make_id(random_));
  row.created_by = actor.name;
  row.created_at = ledger_.now();
  BASE_TRY(auto amendment, ledger_.amend());
  BASE_TRY_VOID(check_organisation(amendment.rows(), contact.organisation));
  BASE_TRY_VOID(check_application(amendment.rows(), contact));
  BASE_TRY_VOID(check_others(amendment.rows(), row));
  BASE_TRY_VOID(store::insert(amendment.rows(), row));
  base::json::object detail{{"contact", row.id}, {"kind", row.kind}, {"address", row.address}};
  if (contact.application) detail["application"] = contact.application->to_urn();
  BASE_TRY_VOID(amendment.audit({actor, "contact.added", row.organisation, std::move(detail)}));
  BASE_TRY_VOID(amendment.commit());
  ++added_;
  return row;
}

base::Result<std::vector<store::ContactRow>> Contacts::list(const base::Slug& organisation) {
  BASE_TRY(auto rows, ledger_.read());
  BASE_TRY_VOID(check_organisation(rows, organisation));
  return store::list_contacts(rows, organisation.text());
}

base::Result<store::ContactRow> Contacts::remove(const Actor& actor, const base::Slug& organisation,
                                                 const std::string& id) {
  BASE_TRY(auto amendment, ledger_.amend());
  BASE_TRY(auto row, store::find_contact(amendment.rows(), id));
  if (!row || row->removed_at || row->organisation != organisation.text())
    return base::fail(Kind::not_found, "contact.unknown", "this organisation has no such contact");
  row->removed_at = ledger_.now();
  BASE_TRY_VOID(store::remove_contact(amendment.rows(), id, *row->removed_at));
  BASE_TRY_VOID(store::drop_letters(amendment.rows(), id, *row->removed_at));
  BASE_TRY_VOID(amendment.audit(
      {actor, "contact.removed", row->organisation, {{"contact", row->id}, {"address", row->address}}}));
  BASE_TRY_VOID(amendment.commit());
  return std::move(*row);
}

}  // namespace countersign::authority
