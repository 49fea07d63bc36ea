// The audit table: appended to, never changed. The hash chain over its rows is made and checked by the authority.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "store/registry.h"

namespace countersign::store {

struct AuditRow {
  std::int64_t sequence = 0;  ///< 1, 2, 3 ... without gaps
  base::Instant at;
  std::string actor;
  std::string action;
  std::string subject;
  std::string detail;    ///< a JSON object
  std::string previous;  ///< `hash` of the row before
  std::string hash;      ///< hexadecimal
};

/// In their order. Fails also: `store.conflict` when a sequence is taken.
base::Result<void> append(Transaction& transaction, const std::vector<AuditRow>& rows);
base::Result<std::optional<AuditRow>> find_last_audit(Transaction& transaction);
/// At most `limit` rows with a sequence above `after`, in order.
base::Result<std::vector<AuditRow>> list_audit(Transaction& transaction, std::int64_t after, int limit);

}  // namespace countersign::store
