#include "base/presence.h"

#include <system_error>

namespace countersign::base {

Result<bool> is_there(const std::filesystem::path& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (error == std::errc::no_such_file_or_directory) return false;
  if (error || status.type() == std::filesystem::file_type::unknown)
    return fail(Kind::unavailable, "file.unreadable",
                "it cannot be told whether '" + path.string() + "' is there: " + error.message());
  return true;
}

}  // namespace countersign::base
