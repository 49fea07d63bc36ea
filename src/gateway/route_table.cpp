#include "gateway/route_table.h"

#include <algorithm>
#include <memory>

#include "gateway/observe/histogram.h"

namespace countersign::gateway {
namespace {

tl::unexpected<base::Error> bad_target(std::string detail) {
  return base::fail(base::Kind::invalid, "gateway.bad_target", std::move(detail));
}

/// Lower case, without port and trailing dot: the form in which hosts are compared.
std::string canonical_host(std::string_view host) {
  const bool bracketed = host.starts_with('[');
  const std::size_t colon = bracketed ? host.find(':', host.find(']')) : host.rfind(':');
  if (colon != std::string_view::npos) host = host.substr(0, colon);
  if (bracketed && host.size() >= 2) host = host.substr(1, host.size() - 2);
  if (host.ends_with('.')) host.remove_suffix(1);
  std::string text(host);
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

/// "http://host/path?query" as authority and origin-form, or nothing when the target is no absolute-form.
std::optional<std::pair<std::string_view, std::string>> split_absolute(std::string_view target) {
  const std::size_t scheme_end = target.find("://");
  if (scheme_end == std::string_view::npos || target.starts_with('/')) return std::nullopt;
  std::string_view rest = target.substr(scheme_end + 3);
  const std::size_t authority_end = rest.find_first_of("/?");
  const std::string_view authority = rest.substr(0, authority_end);
  std::string origin(authority_end == std::string_view::npos ? "" : rest.substr(authority_end));
  if (!origin.starts_with('/')) origin.insert(origin.begin(), '/');
  return std::pair(authority, std::move(origin));
}

/// `path` with %2e read as '.', in lower case: enough to see what an upstream could see.
std::string decode_dots(std::string_view path) {
  std::string text(path);
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (std::size_t at = 0; (at = text.find("%2e", at)) != std::string::npos;)
    text.replace(at, 3, ".");
  return text;
}

bool has_ambiguous_path(std::string_view path) {
  const std::string text = decode_dots(path);
  if (text.find('\\') != std::string::npos) return true;
  for (const std::string_view code : {"%2f", "%5c", "%00"})
    if (text.find(code) != std::string::npos) return true;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find('/', start), text.size());
    const std::string_view segment = std::string_view(text).substr(start, end - start);
    const std::string_view name = segment.substr(0, segment.find(';'));  // some upstreams drop ";parameters"
    if (name == "." || name == "..") return true;
    start = end + 1;
  }
  return false;
}

bool host_matches(const std::string& pattern, std::string_view host) {
  if (pattern == "*" || pattern == host) return true;
  return pattern.starts_with("*.") && host.ends_with(std::string_view(pattern).substr(1)) &&
         host.size() >= pattern.size();
}

bool path_matches(const std::string& prefix, std::string_view path) {
  if (!path.starts_with(prefix)) return false;
  return prefix.ends_with('/') || path.size() == prefix.size() || path[prefix.size()] == '/';
}

/// Exact hosts before wildcards before "*"; longer before shorter.
int host_rank(const std::string& host) { return host == "*" ? 2 : host.starts_with("*.") ? 1 : 0; }

}  // namespace

base::Result<Destination> read_destination(const http::RequestHead& head, const std::string& server_name) {
  if (head.method == "CONNECT") return bad_target("CONNECT is not served here");
  Destination destination{canonical_host(head.fields.find("Host").value_or("")), head.target};
  if (auto absolute = split_absolute(head.target)) {
    if (canonical_host(absolute->first) != destination.host)
      return bad_target("the request line and the Host field name different hosts");
    destination.target = std::move(absolute->second);
  }
  if (!destination.target.starts_with('/')) return bad_target("the request target must start with '/'");
  if (has_ambiguous_path(destination.path()))
    return bad_target(
        "the path holds a dot segment, an encoded slash or NUL, or a backslash; send the path in its plain form");
  if (!server_name.empty() && canonical_host(server_name) != destination.host)
    return base::fail(
        base::Kind::invalid, "gateway.misdirected",
        "this connection was made for '" + server_name + "'; open another one for the host in the request");
  return destination;
}

RouteTable::RouteTable(std::vector<Route> routes) : routes_(std::move(routes)) {
  for (Route& route : routes_)
    if (route.counts == nullptr) route.counts = std::make_shared<RouteCounts>();
  std::ranges::stable_sort(routes_, [](const Route& a, const Route& b) {
    if (host_rank(a.host) != host_rank(b.host)) return host_rank(a.host) < host_rank(b.host);
    if (a.host.size() != b.host.size()) return a.host.size() > b.host.size();
    return a.path.size() > b.path.size();
  });
}

std::string RouteTable::metrics() const {
  std::string text =
      metric_heading("route_requests_total", "counter", "Requests answered on each route, by class of status.");
  for (const Route& route : routes_)
    for (std::size_t digit = 1; digit < 6; ++digit)
      if (const std::uint64_t count = route.counts->of(digit); count > 0)
        text += metric_line("route_requests_total",
                            metric_label("host", route.host) + "," + metric_label("path", route.path) + "," +
                                metric_label("class", std::to_string(digit) + "xx"),
                            count);
  return text;
}

const Route* RouteTable::find(std::string_view host, std::string_view path) const {
  for (const Route& route : routes_)
    if (host_matches(route.host, host) && path_matches(route.path, path)) return &route;
  return nullptr;
}

}  // namespace countersign::gateway
