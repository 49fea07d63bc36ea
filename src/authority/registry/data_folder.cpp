#include "authority/registry/data_folder.h"

#include <cstring>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/files.h"

namespace countersign::authority {

namespace {

namespace fs = std::filesystem;

/// As base::write_file names its temporary files.
bool is_leftover(const std::string& name) {
  constexpr std::string_view kMark = ".new.";
  const std::size_t mark = name.rfind(kMark);
  if (mark == name.npos || mark + kMark.size() == name.size()) return false;
  return name.find_first_not_of("0123456789", mark + kMark.size()) == name.npos;
}

std::size_t remove_leftovers_in(const fs::path& folder, std::string_view beginning) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    std::error_code ignored;
    if (name.starts_with(beginning) && is_leftover(name) && entry->is_regular_file(ignored))
      found.push_back(entry->path());
  }
  std::size_t removed = 0;
  for (const fs::path& file : found)
    removed += fs::remove(file, error) ? 1U : 0U;
  return removed;
}

}  // namespace

std::size_t remove_leftovers(const DataFolder& folder) {
  std::size_t removed = 0;
  for (const fs::path& own : {folder.root(), folder.keys(), folder.certificates(), folder.operator_folder()})
    removed += remove_leftovers_in(own, "");
  // Beside the data folder only what is ours.
  for (const fs::path& chain : {folder.provider_chain(), folder.partner_chain()})
    removed += remove_leftovers_in(chain.parent_path(), chain.filename().string() + ".new.");
  return removed;
}

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
