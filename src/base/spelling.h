// Is one word another one, mistyped? For errors that name what was probably meant; nothing is decided by it.
#pragma once

#include <string_view>

namespace countersign::base {

/// One letter more, less, other, or two neighbours exchanged; two such slips in words of eight letters and more.
/// '-' and '_' are one letter, and so are upper and lower case. A word is not nearly itself.
bool is_nearly(std::string_view written, std::string_view meant);

}  // namespace countersign::base
