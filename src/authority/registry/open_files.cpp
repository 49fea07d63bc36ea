#include "authority/registry/open_files.h"

#include <cstring>

#include <sys/stat.h>
#include <unistd.h>

#include "authority/registry/data_folder.h"

namespace countersign::authority {
namespace {

namespace fs = std::filesystem;

base::Result<void> check_one(const fs::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return {};
    return base::fail(base::Kind::unavailable, "file.unreadable",
                      "cannot look at '" + path.string() + "': " + std::strerror(errno));
  }
  const auto open = [&](const std::string& what, const std::string& remedy) {
    return base::fail(
        base::Kind::invalid, "file.open",
        "'" + path.string() + "' " + what + ": " + remedy + " (or danger_open_files = true in [authority])");
  };
  if (status.st_uid != ::geteuid() && status.st_uid != 0)
    return open("belongs to another user", "give it to the user that the authority runs as");
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return open("can be written by others", "chmod go-w it, and make sure that nobody has");
  if ((status.st_mode & S_IROTH) != 0)
    return open("can be read by everybody", "chmod o-r it, and think of it as known");
  return {};
}

bool is_key(const fs::path& file) { return file.extension() == ".key"; }

base::Result<void> check_files(const fs::path& folder, bool (*matters)(const fs::path&)) {
  BASE_TRY_VOID(check_one(folder));
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
    if (matters(entry->path())) BASE_TRY_VOID(check_one(entry->path()));
  return {};  // a folder that is not there, or cannot be read, is found by whoever needs it
}

}  // namespace

base::Result<void> check_private(const fs::path& data, const std::vector<fs::path>& secrets) {
  const DataFolder folder(data);
  const auto any = [](const fs::path&) { return true; };
  BASE_TRY_VOID(check_files(folder.root(), is_key));
  BASE_TRY_VOID(check_files(folder.keys(), any));
  BASE_TRY_VOID(check_files(folder.operator_folder(), is_key));
  for (const fs::path& file : {folder.registry(), folder.audit_head(), folder.passphrase()})
    BASE_TRY_VOID(check_one(file));
  for (const fs::path& file : secrets)
    if (!file.empty()) BASE_TRY_VOID(check_one(file));
  return {};
}

}  // namespace countersign::authority
