// Settings: the few facts about the registry itself, by name. Errors as in store/registry.h.
#pragma once

#include <optional>
#include <string>

#include "store/registry.h"

namespace countersign::store {

base::Result<std::optional<std::string>> find_setting(Transaction& transaction, const std::string& name);
/// Makes or replaces it.
base::Result<void> set_setting(Transaction& transaction, const std::string& name, const std::string& value);

}  // namespace countersign::store
