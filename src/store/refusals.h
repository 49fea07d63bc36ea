// Refusals: certificates of ours that gateways refused, by application, certificate and reason. Errors as in
// store/registry.h.
#pragma once

#include "store/applications.h"

namespace countersign::store {

struct RefusalRow {
  ApplicationKey key;
  std::string fingerprint;  ///< SHA-256, hexadecimal
  std::string reason;
  std::string serial;
  std::int64_t times = 0;
  base::Instant first_seen_at;
  base::Instant last_seen_at;
  std::string gateway;  ///< that saw it last
};

/// Counts it to those of that application, certificate and reason. Fails also: `store.conflict` without the
/// application.
base::Result<void> add_refusals(Transaction& transaction, const RefusalRow& row);
/// Of one application those seen last, at most `most`; the others go.
base::Result<void> keep_newest_refusals(Transaction& transaction, const ApplicationKey& key, int most);
/// Those that were not seen since.
base::Result<void> forget_refusals(Transaction& transaction, base::Instant since);
/// Those seen last first.
base::Result<std::vector<RefusalRow>> list_refusals(Transaction& transaction, const ApplicationFilter& filter,
                                                    int limit);

}  // namespace countersign::store
