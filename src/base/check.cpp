#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace countersign::base {

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "countersign: internal error: check failed: %s at %s:%d\n", condition, file, line);
  std::abort();
}

}  // namespace countersign::base
