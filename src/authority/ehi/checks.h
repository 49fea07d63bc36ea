// EhiChecks: hands the checks that were asked for to whoever runs them (ehi_check_desk.h), and writes down what came of
// each. One check of a server at a time, whichever authority of a fleet runs it.
//
// Belongs to the registry's thread. Begin and end are audited; a check that nobody ended - its authority died - is
// written down as failed and not begun again by itself, so that one which ends an authority does not end it twice.
#pragma once

#include "authority/registry/hierarchy.h"
#include "authority/registry/ledger.h"
#include "check/finding.h"
#include "store/ehi_servers.h"

namespace countersign::authority {

/// A check that has not ended by then was given up. More than check::kObserveTime with everything around it.
inline constexpr base::Duration kEhiCheckGivenUp = std::chrono::minutes(5);
/// Clocks of a fleet differ by less: a check that is said to begin later than that never did.
inline constexpr base::Duration kEhiClocksApart = std::chrono::minutes(1);
/// Of a report as JSON; a larger one is a check that failed.
inline constexpr std::size_t kEhiReportLimit = 256 * 1024;
/// Of the words why a check failed.
inline constexpr std::size_t kEhiErrorLimit = 500;

/// When a check that is said to run can be believed to.
inline store::EhiCheckTimes ehi_check_times(base::Instant now) {
  return {.given_up = now - kEhiCheckGivenUp, .not_yet = now + kEhiClocksApart};
}

struct BegunCheck {
  store::EhiServerRow server;
  std::vector<x509::Certificate> trust_chain;  ///< the provider's, as partners install it
};

class EhiChecks {
 public:
  /// Borrows both.
  EhiChecks(Ledger& ledger, const Hierarchy& hierarchy) : ledger_(ledger), hierarchy_(hierarchy) {}

  /// The check that has waited longest, begun; nothing when none waits. Fails: as store and audit; then it was not
  /// begun.
  base::Result<std::optional<BegunCheck>> begin();
  /// Nothing is written where the check was given up meanwhile; where the server was removed, that it ended and no
  /// more. Fails: as store and audit.
  base::Result<void> end(const BegunCheck& begun, const base::Result<check::Report>& outcome);

 private:
  base::Result<std::optional<BegunCheck>> begin(store::EhiServerRow found);
  base::Result<void> write_end(Amendment& amendment, store::EhiServerRow row,
                               const base::Result<check::Report>& outcome);
  Ledger& ledger_;
  const Hierarchy& hierarchy_;
};

}  // namespace countersign::authority
