#include "base/process.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/check.h"

namespace countersign::base {

void keep_memory_private() {
  // Neither fails: everybody may give up what is his own.
  const rlimit none{0, 0};
  BASE_CHECK(::setrlimit(RLIMIT_CORE, &none) == 0);
  BASE_CHECK(::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0);
}

}  // namespace countersign::base
