// What a caller can do about an error, by its code, where the detail does not say so already. Codes tell at whose door
// something failed, and as whom we came (Door in api_connection.h): so does what mends it.
#pragma once

#include <string_view>

#include "base/error.h"

namespace countersign::cli {

/// Of the outermost code that has one; empty where none has.
std::string_view remedy(const base::Error& error);

}  // namespace countersign::cli
