// CaAnnouncements: which organisations were told that a CA is to come. Errors as in store/registry.h.
#pragma once

#include <string>
#include <vector>

#include "base/time.h"
#include "store/registry.h"

namespace countersign::store {

struct CaAnnouncementRow {
  std::string ca;
  std::string organisation;
  base::Instant written_at;
};
/// Fails also: `store.conflict` when that organisation was told already.
base::Result<void> insert(Transaction& transaction, const CaAnnouncementRow& row);
/// Organisations with a contact that were not told of `ca` yet, in order; at most `limit`.
base::Result<std::vector<std::string>> list_unannounced(Transaction& transaction, const std::string& ca, int limit);

}  // namespace countersign::store
