// Following: an authority learns what others that share its registry have committed, in the order of the trust feed.
#pragma once

#include "authority/registry/feed_source.h"

namespace countersign::authority {

/// How often a shared registry is looked at for changes of others.
inline constexpr base::Duration kFollowInterval = std::chrono::milliseconds(200);

/// The facts published after `after` and up to `last`, in order; those that this release cannot read are left out.
/// Nothing when some of them are no longer kept. Fails: as store.
base::Result<std::optional<std::vector<feed::Fact>>> facts_between(store::Transaction& rows, std::int64_t after,
                                                                   std::int64_t last);

/// Brings the ledger's view up to date, and tells its listener. A registry that is older than what is known (a restored
/// backup) does not take knowledge away: it is refused until the audit log is whole, by an operator's acknowledgement.
/// Fails: `registry.older`, and as store.
base::Result<void> follow(Ledger& ledger, const Hierarchy& hierarchy);

}  // namespace countersign::authority
