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

std::size_t file_limit() {
  rlimit limit{};
  BASE_CHECK(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  return limit.rlim_cur;
}

FileLimit raise_file_limit() {
  rlimit limit{};
  BASE_CHECK(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  const std::size_t before = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
  return {before, file_limit()};
}

}  // namespace countersign::base
