#include "trust/find_reason.h"

#include <algorithm>

namespace countersign::trust {

std::optional<Reason> find_reason(std::string_view name) {
  const auto found = std::ranges::find(explanations(), name, &Explanation::name);
  if (found == explanations().end()) return std::nullopt;
  return found->reason;
}

}  // namespace countersign::trust
