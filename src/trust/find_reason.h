// A Reason by its name, for those who read it out of a message or the registry. Beside reason.h, not in it: few read.
#pragma once

#include <optional>

#include "trust/reason.h"

namespace countersign::trust {

/// Absent where no reason of today has that name.
std::optional<Reason> find_reason(std::string_view name);

}  // namespace countersign::trust
