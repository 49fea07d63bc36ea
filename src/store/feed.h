// The published changes of the trust feed. Sequences come from a counter row: strictly rising, never reused, and
// visible in order of commit, because the counter stays locked until then. Errors as in store/registry.h.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "store/registry.h"

namespace countersign::store {

struct FeedChangeRow {
  std::int64_t sequence = 0;
  base::Instant published_at;
  std::string fact;  ///< JSON
};

/// Stores `facts` under the next sequences, in their order; the last one is returned. There must be some.
base::Result<std::int64_t> publish_facts(Transaction& transaction, const std::vector<std::string>& facts,
                                         base::Instant at);
/// The sequence of the newest change ever published; 0 before the first.
base::Result<std::int64_t> last_feed_sequence(Transaction& transaction);
/// The oldest change still kept, if any.
base::Result<std::optional<std::int64_t>> oldest_feed_sequence(Transaction& transaction);
/// At most `limit` changes with a sequence above `after`, in order.
base::Result<std::vector<FeedChangeRow>> list_feed_changes(Transaction& transaction, std::int64_t after, int limit);
/// Forgets the changes up to and with `sequence`.
base::Result<void> forget_feed_changes(Transaction& transaction, std::int64_t sequence);

}  // namespace countersign::store
