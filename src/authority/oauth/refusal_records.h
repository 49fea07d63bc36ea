// RefusalRecords: which refusals of the authorisation server go into the audit log, and as what.
//
// Those of callers whose certificate a gateway has proved; strangers could fill the log otherwise, and stand in the
// program's log alone. For the same reason there are kRefusalsAudited of one application in kRefusalsSpan; the next
// record after that says how many were left out. Belongs to the registry's thread.
#pragma once

#include <map>
#include <optional>

#include "authority/registry/audit.h"
#include "oauth/refusal.h"
#include "oauth/relay.h"

namespace countersign::authority {

inline constexpr int kRefusalsAudited = 120;
inline constexpr base::Duration kRefusalsSpan = std::chrono::minutes(1);

class RefusalRecords {
 public:
  /// `oauth.refused`, in which nothing is that was sent as a proof; nothing where it is not to be recorded.
  std::optional<AuditEntry> entry(const oauth::RelayedCall& call, const oauth::Refusal& refusal, base::Instant now);

 private:
  struct Account {
    base::Instant since;
    int recorded = 0;
    std::int64_t left_out = 0;
  };
  std::map<std::string, Account> accounts_;  ///< by URN
};

/// The path of a call as records show it.
std::string shown_path(const oauth::RelayedCall& call);

}  // namespace countersign::authority
