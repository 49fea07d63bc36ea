// Host names as routes and sites are chosen by them.
#pragma once

#include <string>
#include <string_view>

namespace countersign::gateway {

/// Lower case, without port and trailing dot: the form in which hosts are compared.
std::string canonical_host(std::string_view host);

/// "*", a name, or "*.example.com".
bool is_host_pattern(std::string_view pattern);
/// Less for the more exact: names, then wildcards, then "*".
int host_rank(std::string_view pattern);

}  // namespace countersign::gateway
