// CaAnnouncements: which contacts were written to that a CA is to come; whom it is to be told still is
// list_untold_contacts in contacts.h. Errors as in store/registry.h.
#pragma once

#include <string>
#include <vector>

#include "base/time.h"
#include "store/registry.h"

namespace countersign::store {

struct CaAnnouncementRow {
  std::string ca;
  std::string contact;
  base::Instant written_at;
};
/// Fails also: `store.conflict` when one of those contacts was told already.
base::Result<void> insert(Transaction& transaction, const std::vector<CaAnnouncementRow>& rows);
/// Everybody is to be told of `ca` anew.
base::Result<void> forget_announcements(Transaction& transaction, const std::string& ca);

}  // namespace countersign::store
