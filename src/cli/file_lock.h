// FileLock: one process at a time works on a folder. Held for as long as the object lives; the kernel lets go of it
// when the process dies, however it dies. The file itself stays.
#pragma once

#include <filesystem>
#include <utility>

#include "base/result.h"

namespace countersign::cli {

class FileLock {
 public:
  /// Does not wait. The folder must be there. Fails: `file.locked` (Kind::conflict), `file.unwritable`.
  static base::Result<FileLock> acquire(const std::filesystem::path& file);
  ~FileLock();
  FileLock(FileLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  FileLock& operator=(FileLock&&) = delete;

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace countersign::cli
