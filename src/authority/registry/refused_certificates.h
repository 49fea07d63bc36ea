// What gateways refused of certificates that were issued here: kept for those who can mend it, the owner's people and
// operators. No decision, so not audited; gateways' logs have each single one.
//
// Of each application the newest kRefusalsOfApplication are kept, and none longer than kRefusalMemory after it was seen
// last. A report is a handful of statements, however long it is, and no amendment waits for it. Belongs to the
// registry's thread.
#pragma once

#include "authority/registry/ledger.h"
#include "feed/refusals.h"
#include "store/refusals.h"

namespace countersign::authority {

inline constexpr int kRefusalsOfApplication = 100;
inline constexpr base::Duration kRefusalMemory = std::chrono::hours(24 * 90);
/// So many of those that are too old go at once: others of the registry's thread have a turn in between.
inline constexpr int kForgottenAtOnce = 500;

/// Whose a certificate is the registry says, not the gateway; what was not issued here is passed over, and a time yet
/// to come is taken for now. How many were noted. Fails: as store.
base::Result<std::size_t> note_refusals(Ledger& ledger, const std::string& gateway,
                                        const std::vector<feed::RefusalCount>& counts);

/// What is older than kRefusalMemory goes, at most kForgottenAtOnce of it. False when nothing is left to do. Fails: as
/// store.
base::Result<bool> forget_old_refusals(Ledger& ledger);

}  // namespace countersign::authority
