// The audit log: who did what to what, when; each record holds the hash of the one before, and its end is sealed
// (audit_seal.h), so that editing, deleting, reordering, rewriting or cutting off records shows.
#pragma once

#include <string>
#include <vector>

#include "authority/registry/audit_seal.h"
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

/// The records that one transaction appends to the chain. They are linked at once, and written by write(), together,
/// with the sealed mark of the new end.
class AuditRun {
 public:
  /// Looks where the chain ends. Fails: `audit.broken` when the mark is not that of the last record or
  /// hold_against_outside() fails, and as store; then the caller's whole transaction cannot be committed.
  static base::Result<AuditRun> begin(store::Transaction& transaction, const AuditSeal& seal);
  /// The same without looking at the mark, and the chain is walked from the first record on: an operator has looked.
  /// Fails: as store.
  static base::Result<AuditRun> begin_anew(store::Transaction& transaction);

  void append(const AuditEntry& entry, base::Instant at);
  /// Where the chain ends with what was appended.
  AuditHead head() const;
  /// To be called once, after which nothing is appended; there must be a record. Fails: as store.
  base::Result<void> write(store::Transaction& transaction, const AuditSeal& seal) const;

 private:
  enum class Kind { onwards, anew };
  AuditRun(Kind kind, store::AuditRow end) : kind_(kind), end_(std::move(end)) {}
  Kind kind_;
  store::AuditRow end_;  ///< the last record before those of this run; sequence 0: none
  std::vector<store::AuditRow> rows_;
};

/// The file outside of the registry must not know more of the log than the registry, nor anything else: a registry that
/// was put back to an earlier day does not pass. Fails: `audit.broken`, and as store.
base::Result<void> hold_against_outside(store::Transaction& transaction, const AuditSeal& seal);

/// Walks the chain, and holds its end against both marks. Returns the number of records. Fails: `audit.broken`, naming
/// the first record that does not fit.
base::Result<std::int64_t> verify_audit(store::Transaction& transaction, const AuditSeal& seal);

}  // namespace countersign::authority
