// Contacts: where organisations want notices to go: e-mail addresses and webhooks, kept by operators.
//
// Belongs to the registry's thread. Each change is audited. A webhook's secret is not in the registry: it is derived
// from a key of the authority's, so that a lost backup of the registry cannot forge webhooks.
#pragma once

#include <variant>

#include "authority/registry/ledger.h"
#include "courier/address.h"
#include "crypto/random.h"
#include "store/contacts.h"

namespace countersign::authority {

inline constexpr std::size_t kContactLimit = 20;  ///< of one organisation

struct NewContact {
  base::Slug organisation;
  std::optional<base::Identity> application;  ///< of that organisation; absent: all of them
  std::variant<courier::MailAddress, courier::WebhookUrl> address;
};

class Contacts {
 public:
  /// Borrows ledger and randomness.
  Contacts(Ledger& ledger, crypto::Random& random, base::Secret key)
      : ledger_(ledger), random_(random), key_(std::move(key)) {}

  /// Fails: `organisation.unknown`, `organisation.reserved` (the platform's own go to the operators),
  /// `application.unknown`, `contact.exists`, `contact.too_many`, and as store.
  base::Result<store::ContactRow> add(const Actor& actor, const NewContact& contact);
  /// Fails: `organisation.unknown`.
  base::Result<std::vector<store::ContactRow>> list(const base::Slug& organisation);
  /// What was not sent to it yet is not sent any more. Fails: `contact.unknown`.
  base::Result<store::ContactRow> remove(const Actor& actor, const base::Slug& organisation, const std::string& id);

  /// How many were added by this authority since its start.
  std::uint64_t added() const { return added_; }

  /// What webhooks to `contact` are signed with: 64 hexadecimal digits, the same every time.
  base::Secret secret_of(const store::ContactRow& contact) const;

 private:
  Ledger& ledger_;
  crypto::Random& random_;
  base::Secret key_;
  std::uint64_t added_ = 0;
};

/// The key for Contacts, out of the audit log's.
base::Secret derive_webhook_key(const base::Secret& audit_key);

}  // namespace countersign::authority
