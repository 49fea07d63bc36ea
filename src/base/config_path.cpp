#include "base/config_path.h"

namespace countersign::base {

namespace fs = std::filesystem;

fs::path resolve_path(const fs::path& folder, const std::string& text) {
  fs::path path = fs::absolute(folder / text).lexically_normal();
  return path.has_filename() ? path : path.parent_path();
}

Result<fs::path> read_path(ConfigSection& section, std::string_view key, const fs::path& folder) {
  BASE_TRY(const std::string text, section.text_or(key, ""));
  return text.empty() ? fs::path() : resolve_path(folder, text);
}

}  // namespace countersign::base
