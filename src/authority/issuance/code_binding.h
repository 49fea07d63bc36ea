// A code belongs to the key that came first: the one place where an order binds the enrolment code, or the credential
// for external account binding, that it came with.
#pragma once

#include "authority/issuance/check.h"

namespace countersign::authority {

/// Binds the code of `order`, if it has one, to the order's key for its purpose; bound to it already is no failure.
/// The same for its credential. Fails: `code.used`, `code.cancelled`, `eab_credential.used`,
/// `eab_credential.cancelled`, and as store.
base::Result<void> bind_code(Amendment& amendment, const Order& order);

/// How a credential is marked that was used without an account: for which purpose and key (SHA-256 of its SPKI).
std::string to_direct_use(trust::Purpose purpose, const std::string& spki_sha256);
struct DirectUse {
  std::string purpose;
  std::string spki_sha256;
};
/// Nothing for the id of an account.
std::optional<DirectUse> parse_direct_use(const std::string& mark);
/// Refusals that more than one place gives.
tl::unexpected<base::Error> credential_used();
tl::unexpected<base::Error> credential_cancelled();

}  // namespace countersign::authority
