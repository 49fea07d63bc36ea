// Paths in the configuration.
#pragma once

#include <filesystem>

#include "base/config.h"

namespace countersign::base {

/// `text` as a path, absolute, a relative one from `folder`, and without a slash at its end, so that what lies beside
/// it can be named.
std::filesystem::path resolve_path(const std::filesystem::path& folder, const std::string& text);
/// The path that `key` names, resolved; empty where the key is absent or empty. Fails: `config.type`.
Result<std::filesystem::path> read_path(ConfigSection& section, std::string_view key,
                                        const std::filesystem::path& folder);

}  // namespace countersign::base
