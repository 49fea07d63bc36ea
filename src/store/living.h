// Living certificates, as the trust feed speaks of them: all of them are read at each start. Errors as in
// store/registry.h.
#pragma once

#include <functional>

#include "store/applications.h"

namespace countersign::store {

struct LivingRow {
  std::string fingerprint;
  ApplicationKey key;
  std::string purpose;
  base::Instant not_after;
  std::optional<std::string> revoked_for;  ///< where it is revoked
};

/// Every certificate that has not expired at `now`, revoked ones included, one after the other, in no order. `row` is
/// good until the next one.
base::Result<void> visit_living(Transaction& transaction, base::Instant now,
                                const std::function<void(const LivingRow&)>& visit);

struct LivingCertificateRow {
  ApplicationKey key;
  std::string der;  ///< base64
};

/// The certificates themselves of one purpose, of those that have not expired at `now`, revoked ones included, oldest
/// first. `row` is good until the next one.
base::Result<void> visit_living_certificates(Transaction& transaction, const std::string& purpose, base::Instant now,
                                             const std::function<void(const LivingCertificateRow&)>& visit);

}  // namespace countersign::store
