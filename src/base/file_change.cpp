#include "base/file_change.h"

#include <sys/stat.h>

namespace countersign::base {
namespace {

std::int64_t nanos(const timespec& at) { return std::int64_t{at.tv_sec} * 1'000'000'000 + at.tv_nsec; }

}  // namespace

FileChange::Stamp FileChange::stamp() const {
  struct stat found {};
  if (::stat(file_.c_str(), &found) != 0) return {};
  return {found.st_dev, found.st_ino, static_cast<std::uint64_t>(found.st_size), nanos(found.st_mtim),
          nanos(found.st_ctim)};
}

bool FileChange::has_settled() {
  const Stamp now = stamp();
  const bool settled = now != read_ && now == seen_;
  seen_ = now;
  return settled;
}

}  // namespace countersign::base
