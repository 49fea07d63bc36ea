// Followers: who polls the trust feed, by the certificate shown, and which issuing CAs it then said to believe. Errors
// as in store/registry.h.
#pragma once

#include <string>
#include <vector>

#include "base/time.h"
#include "store/registry.h"

namespace countersign::store {

struct FollowerRow {
  std::string serial;  ///< of its certificate
  std::string caller;  ///< the URN in it
  std::vector<std::string> holds;
  base::Instant seen_at;
};

/// Stores it, or replaces what is there of that serial.
base::Result<void> put_follower(Transaction& transaction, const FollowerRow& row);
/// Those seen at `since` or later, in order of caller and serial.
base::Result<std::vector<FollowerRow>> list_followers(Transaction& transaction, base::Instant since);
/// Those that were not seen since.
base::Result<void> forget_followers(Transaction& transaction, base::Instant since);

}  // namespace countersign::store
