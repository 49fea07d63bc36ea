// Whether a file is there, where "there is none" must not be mixed up with "it cannot be told".
#pragma once

#include <filesystem>

#include "base/result.h"

namespace countersign::base {

/// False only where the system says that there is nothing of that name (ENOENT). A folder that may not be searched, or
/// is none, is an error: what lies in it may be there. Fails: `file.unreadable`.
Result<bool> is_there(const std::filesystem::path& path);

}  // namespace countersign::base
