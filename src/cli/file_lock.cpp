#include "cli/file_lock.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace countersign::cli {
namespace {

tl::unexpected<base::Error> unwritable(const std::filesystem::path& file, int error) {
  return base::fail(base::Kind::unavailable, "file.unwritable",
                    "cannot write '" + file.string() + "': " + std::strerror(error));
}

}  // namespace

base::Result<FileLock> FileLock::acquire(const std::filesystem::path& file) {
  const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (descriptor < 0) return unwritable(file, errno);
  FileLock lock(descriptor);
  if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno != EWOULDBLOCK) return unwritable(file, errno);
  return base::fail(base::Kind::conflict, "file.locked", "another process holds '" + file.string() + "'");
}

FileLock::~FileLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace countersign::cli
