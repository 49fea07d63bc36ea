// This process, as the system sees it.
#pragma once

namespace countersign::base {

/// From now on no core dump is written, and only root reads this process's memory or traces it (prctl(2),
/// PR_SET_DUMPABLE; core(5)): keys in memory stay there. Ends with the next exec.
void keep_memory_private();

}  // namespace countersign::base
