// Host patterns: "*", a name, or "*.example.com" for every name below it. Both sides in lower case, without port.
#pragma once

#include <string_view>

namespace countersign::http {

inline bool host_matches(std::string_view pattern, std::string_view host) {
  if (pattern == "*" || pattern == host) return true;
  return pattern.starts_with("*.") && host.size() >= pattern.size() && host.ends_with(pattern.substr(1));
}

}  // namespace countersign::http
