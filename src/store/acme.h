// What ACME keeps (RFC 8555): credentials for external account binding, accounts and orders. Errors as in
// store/registry.h.
#pragma once

#include "store/applications.h"

namespace countersign::store {

/// Names the application for which one account may be made. Its secret is not here: it is derived from a key outside of
/// the registry.
struct AcmeCredentialRow {
  std::string kid;
  ApplicationKey key;
  std::vector<std::string> purposes;
  std::string created_by;
  base::Instant created_at;
  base::Instant expires_at;  ///< for making the account
  std::optional<base::Instant> cancelled_at = {};
  std::optional<std::string> account = {};  ///< the one that was made with it
};

struct AcmeAccountRow {
  std::string id;
  std::string thumbprint;  ///< of its key (RFC 7638)
  std::string jwk;
  std::string status;  ///< valid, deactivated (by its holder), revoked (by an operator)
  std::vector<std::string> contact;
  ApplicationKey key;
  std::vector<std::string> purposes;
  std::string kid;  ///< the credential it was made with
  base::Instant created_at;
};

struct AcmeOrderRow {
  std::string id;
  std::string account;
  std::string purpose;
  std::vector<std::string> identifiers;
  std::string status;                     ///< ready, processing, valid, invalid
  std::optional<std::string> csr = {};    ///< base64, while it is processed
  std::optional<std::string> error = {};  ///< why it is invalid: a problem document
  std::optional<std::string> serial = {};
  std::optional<std::string> replaces = {};  ///< the serial of the certificate it renews (RFC 9773 section 5)
  base::Instant created_at = {};
  base::Instant expires_at = {};
};

base::Result<void> insert(Transaction& transaction, const AcmeCredentialRow& row);
base::Result<std::optional<AcmeCredentialRow>> find_acme_credential(Transaction& transaction, const std::string& kid);
/// Those of one application, newest first.
base::Result<std::vector<AcmeCredentialRow>> list_acme_credentials(Transaction& transaction, const ApplicationKey& key);
base::Result<void> cancel_acme_credential(Transaction& transaction, const std::string& kid, base::Instant at);
/// False when it was used before: nothing was changed.
base::Result<bool> use_acme_credential(Transaction& transaction, const std::string& kid, const std::string& account);

/// Fails also: `store.conflict` when another account has the key.
base::Result<void> insert(Transaction& transaction, const AcmeAccountRow& row);
base::Result<std::optional<AcmeAccountRow>> find_acme_account(Transaction& transaction, const std::string& id);
base::Result<std::optional<AcmeAccountRow>> find_acme_account_of_key(Transaction& transaction,
                                                                     const std::string& thumbprint);
/// Status, contact, thumbprint and key become those of `row`. Fails also: `store.conflict` as insert().
base::Result<void> update(Transaction& transaction, const AcmeAccountRow& row);

base::Result<void> insert(Transaction& transaction, const AcmeOrderRow& row);
base::Result<std::optional<AcmeOrderRow>> find_acme_order(Transaction& transaction, const std::string& id);
/// The newest `limit` of an account, newest first.
base::Result<std::vector<AcmeOrderRow>> list_acme_orders(Transaction& transaction, const std::string& account,
                                                         int limit);
/// Orders that renew the certificate of this serial, the invalid ones left out.
base::Result<std::vector<AcmeOrderRow>> list_acme_replacements(Transaction& transaction, const std::string& serial);
/// The order of `account` that gave the certificate of this serial.
base::Result<std::optional<AcmeOrderRow>> find_acme_order_of(Transaction& transaction, const std::string& account,
                                                             const std::string& serial);
/// Status, csr, error and serial become those of `row`.
base::Result<void> update(Transaction& transaction, const AcmeOrderRow& row);
/// Those that ended before `before`; what they gave stays.
base::Result<void> forget_acme_orders(Transaction& transaction, base::Instant before);

struct AcmeOrderCount {
  std::int64_t open = 0;   ///< ready or processing, and not expired at `now`
  std::int64_t since = 0;  ///< all that were made at `since` or later
};
base::Result<AcmeOrderCount> count_acme_orders(Transaction& transaction, const std::string& account, base::Instant now,
                                               base::Instant since);

}  // namespace countersign::store
