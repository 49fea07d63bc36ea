// Context: what a command is given from outside: where to print, what time it is, where to log.
#pragma once

#include <cstddef>
#include <functional>
#include <ostream>

#include "base/exit_code.h"
#include "base/log.h"
#include "base/time.h"

namespace countersign::cli {

/// Borrows everything for the length of one command.
struct Context {
  std::ostream& out;  ///< answers, and nothing else: it may be piped
  std::ostream& err;  ///< what a person should know besides
  const base::Clock& clock;
  const base::Log& log;
  std::size_t columns = 0;  ///< of the terminal that `out` is; 0: it is none, nothing is folded
  bool json = false;        ///< --json: failures are told as JSON, too
};

/// One command: an exit code where the question was answered (yes or no), an Error where it could not be.
using Action = std::function<base::Result<base::ExitCode>(Context&)>;

}  // namespace countersign::cli
