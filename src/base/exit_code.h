// How a program of ours ends: one of the three outward tables (the others: problem+json and the TLS alert).
#pragma once

#include "base/error.h"

namespace countersign::base {

enum class ExitCode : int {
  ok = 0,
  refused = 1,      ///< the question was answered, and the answer is no
  usage = 2,        ///< the command line or an input file is wrong
  unavailable = 3,  ///< somebody needed is not there, or did not answer in time
  denied = 4,       ///< the caller's credential does not allow it
  failed = 5,       ///< anything else, our own faults included
};

ExitCode to_exit_code(Kind kind);

}  // namespace countersign::base
