// Whether what must be private is: the data folder, the passphrase, the keys.
#pragma once

#include <filesystem>
#include <vector>

#include "base/result.h"

namespace countersign::authority {

/// The files of `secrets` (an empty path names none) and everything of `data` that holds a key: of ours or of root's,
/// not writable by group or others, not readable by others. What is missing is no fault. Fails: `file.open`, naming the
/// first that is not so and the command that mends it; `file.unreadable`.
base::Result<void> check_private(const std::filesystem::path& data, const std::vector<std::filesystem::path>& secrets);

}  // namespace countersign::authority
