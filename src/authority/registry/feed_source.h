// The trust feed as the registry tells it: everything true now, or what changed since.
#pragma once

#include "authority/registry/hierarchy.h"
#include "authority/registry/ledger.h"

namespace countersign::authority {

/// Roots, issuing CAs, certificates that have not expired, suspensions. Fails: as store, `registry.corrupt`.
base::Result<feed::Snapshot> take_snapshot(Ledger& ledger, const Hierarchy& hierarchy);

/// The same for followers. A registry that was put back to an earlier day would make them forget revocations: they keep
/// what they know until an operator has acknowledged the audit log. Fails also: `registry.older`.
base::Result<feed::Snapshot> take_snapshot_for_followers(Ledger& ledger, const Hierarchy& hierarchy);

struct FeedChanges {
  std::uint64_t sequence = 0;  ///< of the newest change there is
  std::vector<feed::Change> changes;
};
/// A batch of the changes after `after`, oldest first. Fails: `feed.gone` when they are no longer kept, or never were.
base::Result<FeedChanges> read_changes(Ledger& ledger, std::uint64_t after);

/// Fails: `registry.older` when audit.head beside the registry knows more of the audit log than `rows`, and as store.
base::Result<void> refuse_older(store::Transaction& rows, const Ledger& ledger);

/// Makes `view` say what the registry says. Fails: as take_snapshot.
base::Result<void> fill_view(trust::RegistryView& view, Ledger& ledger, const Hierarchy& hierarchy);

}  // namespace countersign::authority
