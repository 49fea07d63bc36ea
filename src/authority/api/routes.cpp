#include "authority/api/routes.h"

#include <algorithm>

namespace countersign::authority {
namespace {

/// Takes the first segment off "/a/b/c".
std::string_view take_segment(std::string_view& path) {
  path.remove_prefix(1);
  const std::string_view segment = path.substr(0, path.find('/'));
  path.remove_prefix(segment.size());
  return segment;
}

}  // namespace

std::vector<Route> all_routes() {
  std::vector<Route> routes;
  for (const auto& some : {public_routes(),
                           directory_routes(),
                           certificate_routes(),
                           request_routes(),
                           revocation_routes(),
                           log_routes(),
                           est_routes(),
                           acme_routes(),
                           eab_routes(),
                           cmp_routes(),
                           notice_routes(),
                           operator_routes(),
                           ca_routes(),
                           root_routes(),
                           material_routes(),
                           people_routes(),
                           own_organisation_routes(),
                           client_routes(),
                           ehi_server_routes(),
                           openapi_routes()})
    routes.insert(routes.end(), some.begin(), some.end());
  return routes;
}

std::optional<std::vector<std::string>> match(std::string_view pattern, std::string_view path) {
  std::vector<std::string> arguments;
  while (pattern.starts_with('/') && path.starts_with('/')) {
    const std::string_view wanted = take_segment(pattern);
    const std::string_view found = take_segment(path);
    if (wanted.starts_with('{') && !found.empty()) arguments.emplace_back(found);
    else if (wanted != found) return std::nullopt;
  }
  if (!pattern.empty() || !path.empty()) return std::nullopt;
  return arguments;
}

base::Result<Match> find_route(std::span<const Route> routes, std::string_view method, std::string_view path) {
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  std::string allowed;
  for (const Route& route : routes) {
    auto arguments = match(route.pattern, path);
    if (!arguments) continue;
    if (route.method == wanted) return Match{&route, std::move(*arguments)};
    allowed += (allowed.empty() ? "" : ", ") + std::string(route.method);
  }
  if (allowed.empty()) return base::fail(base::Kind::not_found, "api.no_such_path", "there is nothing at this path");
  return base::fail(base::Kind::invalid, "api.method_not_allowed", "this path takes " + allowed);
}

}  // namespace countersign::authority
