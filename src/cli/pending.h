// Pending: how commands tell that people must approve first, and how they wait for it.
#pragma once

#include <functional>

#include "cli/enrolment.h"

namespace countersign::cli {

/// Waiting for the approval of others, while the user looks on.
struct Waiting {
  base::Duration for_at_most;                 ///< zero: one question only
  std::function<void(base::Duration)> pause;  ///< sleeps; a test only counts
};

/// The wall clock's time, really slept.
std::function<void(base::Duration)> real_pause();

/// Asks until it is decided or the time is up: as often as the authority lets us. Once it is pending, an authority that
/// is away is waited for, too. Says on context.err that it waits. Fails: as `ask`.
base::Result<Outcome> ask_until_decided(const std::function<base::Result<Outcome>()>& ask, const Waiting& waiting,
                                        Context& context);

/// What waits, how many approvals are given, and that `again` asks again. As JSON with `json`. ExitCode::unavailable.
struct PendingAnswer {
  std::string purpose;
  std::string again;  ///< "the same command"
  bool json;
};
base::ExitCode print_pending(const Pending& pending, const PendingAnswer& answer, Context& context);

}  // namespace countersign::cli
