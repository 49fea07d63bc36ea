#include "authority/data_folder.h"

#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/files.h"

namespace countersign::authority {

base::Result<DataLock> DataLock::acquire(const DataFolder& folder) {
  BASE_TRY_VOID(base::make_folder(folder.root()));
  const std::filesystem::path file = folder.root() / "lock";
  const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0)
    return base::fail(base::Kind::unavailable, "file.unwritable",
                      "cannot write '" + file.string() + "': " + std::strerror(errno));
  DataLock lock(descriptor);
  if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) return lock;
  return base::fail(base::Kind::conflict, "authority.already_running",
                    "another authority uses '" + folder.root().string() + "': stop it first");
}

DataLock::DataLock(DataLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

DataLock::~DataLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace countersign::authority
