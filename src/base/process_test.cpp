#include "base/process.h"

#include <cstdlib>

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace countersign::base {
namespace {

bool may_be_dumped() {
  rlimit core = {};
  return ::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0 || ::getrlimit(RLIMIT_CORE, &core) != 0 || core.rlim_max != 0;
}

TEST(Process, KeepsItsMemoryPrivate) {
  EXPECT_TRUE(may_be_dumped());
  const pid_t child = ::fork();  // so that this process stays as it is
  ASSERT_GE(child, 0);
  if (child == 0) {
    keep_memory_private();
    ::_exit(may_be_dumped() ? EXIT_FAILURE : EXIT_SUCCESS);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS) << status;
}

TEST(Process, MayHaveAsManyFilesAsTheSystemLets) {
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = limit.rlim_max / 2;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  const FileLimit raised = raise_file_limit();
  EXPECT_EQ(raised.before, limit.rlim_max / 2);
  EXPECT_EQ(raised.now, limit.rlim_max);
  EXPECT_EQ(file_limit(), limit.rlim_max);
}

}  // namespace
}  // namespace countersign::base
