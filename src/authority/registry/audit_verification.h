// Whether the audit log holds, and what an operator does when it does not.
#pragma once

#include "authority/registry/ledger.h"
#include "base/log.h"

namespace countersign::authority {

struct AuditVerification {
  std::int64_t records = 0;
  std::string problem;  ///< empty: the log is intact
};

/// Walks the whole log now. A break that was found before and not acknowledged counts, even if the log was mended.
/// Fails: as store.
base::Result<AuditVerification> verify_audit(Ledger& ledger);

/// What a start does: a break is said aloud, in the log itself where that still takes records, and kept in the file
/// outside the database, so that every later start says it again. It does not stop the start: the trust feed must go
/// on, and operators must be able to look. Fails: as store and files.
base::Result<void> check_audit(Ledger& ledger, const base::Log& log);

/// An authority that has come to a registry of others: its own file beside the registry begins with the end of the log
/// as it is, which must be whole, and a record says so. Fails: `audit.broken`, and as store and files.
base::Result<void> adopt_audit(Ledger& ledger, const std::string& place);

/// An operator has looked: the log goes on from here, with a record that tells what was found. Returns it.
/// Fails: `audit.intact` when there is nothing to acknowledge, and as store and files.
base::Result<AuditVerification> acknowledge_audit(Ledger& ledger, const Actor& actor);

}  // namespace countersign::authority
