// This process, as the system sees it.
#pragma once

#include <cstddef>

namespace countersign::base {

/// From now on no core dump is written, and only root reads this process's memory or traces it (prctl(2),
/// PR_SET_DUMPABLE; core(5)): keys in memory stay there. Ends with the next exec.
void keep_memory_private();

/// How many files and connections this process may have open (RLIMIT_NOFILE).
struct FileLimit {
  std::size_t before;
  std::size_t now;
};
/// Raises it as far as the system lets us, once at start. Where that fails, `now` is `before`.
FileLimit raise_file_limit();
std::size_t file_limit();

}  // namespace countersign::base
