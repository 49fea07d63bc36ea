// Enrolment codes, by digest, and what each purpose of a code was redeemed for. Errors as in store/registry.h.
#pragma once

#include "store/applications.h"

namespace countersign::store {

struct EnrolmentCodeRow {
  std::string code_sha256;  ///< hexadecimal; the code itself is never stored
  ApplicationKey key;
  std::string created_by;
  base::Instant created_at;
  base::Instant expires_at;
  std::optional<base::Instant> cancelled_at = std::nullopt;
};

/// One purpose of a code: free, bound to the key that came first, or done with the certificate it gave.
struct RedemptionRow {
  std::string code_sha256;
  std::string purpose;
  std::optional<std::string> spki_sha256;
  std::optional<std::string> serial;
};

/// The code with one free redemption for each of `purposes`.
base::Result<void> insert(Transaction& transaction, const EnrolmentCodeRow& row,
                          const std::vector<std::string>& purposes);
base::Result<std::optional<EnrolmentCodeRow>> find_enrolment_code(Transaction& transaction,
                                                                  const std::string& code_sha256);
/// Those of one application, newest first.
base::Result<std::vector<EnrolmentCodeRow>> list_enrolment_codes(Transaction& transaction, const ApplicationKey& key);
/// An unknown code changes nothing.
base::Result<void> cancel_enrolment_code(Transaction& transaction, const std::string& code_sha256, base::Instant at);
base::Result<std::vector<RedemptionRow>> list_redemptions(Transaction& transaction, const std::string& code_sha256);
/// Binds a free redemption to `row.spki_sha256`, or finds it bound to that key and not done; sets `row.serial`, if any.
/// False when it is done, bound to another key, or unknown: nothing was changed.
base::Result<bool> redeem(Transaction& transaction, const RedemptionRow& row);

}  // namespace countersign::store
