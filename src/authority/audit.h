// The audit log: who did what to what, when; each record holds the hash of the one before, so that editing, deleting,
// reordering or cutting off records shows.
#pragma once

#include <string>

#include "base/json.h"
#include "base/time.h"
#include "store/audit.h"

namespace countersign::authority {

/// Who is answerable for an action, as the audit log names it: a URN, an enrolment code's digest, the authority itself.
struct Actor {
  std::string name;
};
inline Actor the_authority() { return {"authority"}; }

struct AuditEntry {
  Actor actor;
  std::string action;   ///< dotted, stable: `certificate.issued`
  std::string subject;  ///< what it was done to: a URN, a serial, an organisation
  base::json::object detail = {};
};

/// Appends to the chain inside `transaction`, and moves the mark of its end. Fails: as store; then the caller's whole
/// transaction cannot be committed.
base::Result<void> append_audit(store::Transaction& transaction, const AuditEntry& entry, base::Instant at);

/// Walks the whole chain. Returns the number of records. Fails: `audit.broken`, naming the first record that does not
/// fit.
base::Result<std::int64_t> verify_audit(store::Transaction& transaction);

}  // namespace countersign::authority
