#include "net/resolve.h"

#include <algorithm>

#include "net/resolver.h"

namespace countersign::net {

Task<base::Result<std::vector<Endpoint>>> resolve(Loop& loop, Endpoint name, Deadline deadline) {
  BASE_CO_TRY(const Resolver::Addresses addresses, co_await loop.resolver().resolve(name.host, deadline));
  std::vector<Endpoint> endpoints;
  for (const auto& address : addresses)
    endpoints.push_back({address.address().to_string(), name.port});
  std::ranges::sort(endpoints);
  const auto doubles = std::ranges::unique(endpoints);
  endpoints.erase(doubles.begin(), doubles.end());
  co_return endpoints;
}

}  // namespace countersign::net
