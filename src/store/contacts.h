// Contacts: where notices for an organisation, or for one of its applications, go. Errors as in store/registry.h.
#pragma once

#include <set>

#include "store/applications.h"

namespace countersign::store {

struct ContactRow {
  std::string id;  ///< hexadecimal
  std::string organisation;
  std::optional<std::string> environment = std::nullopt;  ///< with `application`; absent: for all of the organisation
  std::optional<std::string> application = std::nullopt;
  std::string kind;     ///< email | webhook
  std::string address;  ///< an e-mail address, or an https URL
  std::string created_by;
  base::Instant created_at = {};
  std::optional<base::Instant> removed_at = std::nullopt;
};

/// Fails also: `store.conflict` when the id is taken, or there is no such organisation.
base::Result<void> insert(Transaction& transaction, const ContactRow& row);
base::Result<std::optional<ContactRow>> find_contact(Transaction& transaction, const std::string& id);
/// Those that were not removed, oldest first.
base::Result<std::vector<ContactRow>> list_contacts(Transaction& transaction, const std::string& organisation);
base::Result<std::vector<ContactRow>> list_contacts(Transaction& transaction,
                                                    const std::set<std::string>& organisations);
enum class ContactKinds { all, webhooks };
struct UntoldOf {
  std::string ca;           ///< that is to come (ca_announcements.h)
  std::string environment;  ///< of that CA: contacts of an application in another one are left out
  ContactKinds kinds;
  int limit;
};
/// Those that were not told of it yet, by organisation; all of them are looked at.
base::Result<std::vector<ContactRow>> list_untold_contacts(Transaction& transaction, const UntoldOf& of);
/// An unknown id changes nothing.
base::Result<void> remove_contact(Transaction& transaction, const std::string& id, base::Instant at);

}  // namespace countersign::store
