#include "gateway/host_name.h"

#include "tls/site.h"

namespace countersign::gateway {

std::string canonical_host(std::string_view host) {
  const bool bracketed = host.starts_with('[');
  const std::size_t colon = bracketed ? host.find(':', host.find(']')) : host.rfind(':');
  if (colon != std::string_view::npos) host = host.substr(0, colon);
  if (bracketed && host.size() >= 2) host = host.substr(1, host.size() - 2);
  return tls::canonical_name(host);
}

bool is_host_pattern(std::string_view pattern) {
  if (pattern == "*") return true;
  if (pattern.starts_with("*.")) pattern.remove_prefix(2);
  return !pattern.empty() && pattern.find('*') == std::string_view::npos &&
         pattern.find_first_of(" /:@?#\\") == std::string_view::npos;
}

int host_rank(std::string_view pattern) { return pattern == "*" ? 2 : pattern.starts_with("*.") ? 1 : 0; }

}  // namespace countersign::gateway
