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

/// A certificate as far as a refusal of it is concerned.
struct RefusedRow {
  std::string fingerprint;
  ApplicationKey key;
  std::string serial;
};
/// Those of `fingerprints` that were issued here, by one question; at most kMostRefused are asked for.
base::Result<std::vector<RefusedRow>> find_refused(Transaction& transaction,
                                                   const std::vector<std::string>& fingerprints);
inline constexpr std::size_t kMostRefused = 1'000;

/// Counts each to those of its application, certificate and reason, of which there is one row in `rows` at most. Fails
/// also: `store.conflict` without the application.
base::Result<void> add_refusals(Transaction& transaction, const std::vector<RefusalRow>& rows);
/// Of each of these applications those seen last, at most `most`; the others go.
base::Result<void> keep_newest_refusals(Transaction& transaction, const std::vector<ApplicationKey>& keys, int most);
/// Of those that were not seen since, the oldest, at most `limit`; how many went.
base::Result<std::int64_t> forget_refusals(Transaction& transaction, base::Instant since, int limit);
/// Those seen last first.
base::Result<std::vector<RefusalRow>> list_refusals(Transaction& transaction, const ApplicationFilter& filter,
                                                    int limit);

}  // namespace countersign::store
