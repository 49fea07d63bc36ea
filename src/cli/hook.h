// Hooks: programs of the user's that bring a new certificate into use, such as `nginx -s reload`.
#pragma once

#include <string>
#include <vector>

#include "net/task.h"

namespace countersign::cli {

struct HookCall {
  std::vector<std::string> words;        ///< the program (looked for in PATH) and its arguments; no shell reads them
  std::vector<std::string> environment;  ///< "NAME=value", besides ours
  base::Duration time;                   ///< it is killed after that, with whatever it started
};

/// Whoever runs hooks; a fake in tests.
class HookRunner {
 public:
  virtual ~HookRunner() = default;
  /// Fails: `hook.start`, `hook.failed` with exit code or signal and the beginning of what it printed, `hook.timeout`.
  virtual net::Task<base::Result<void>> run(HookCall call) = 0;
};

/// Runs them as child processes, one at a time, which do not outlive the task that waits for them.
class ProcessHooks final : public HookRunner {
 public:
  /// Its time counts from its turn on.
  net::Task<base::Result<void>> run(HookCall call) override;

 private:
  bool busy_ = false;
};

}  // namespace countersign::cli
