#include "gateway/route_table.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <memory>

#include "gateway/host_name.h"
#include "gateway/observe/histogram.h"
#include "http/host_pattern.h"

namespace countersign::gateway {
namespace {

tl::unexpected<base::Error> bad_target(std::string detail) {
  return base::fail(base::Kind::invalid, "gateway.bad_target", std::move(detail));
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

/// `path` with %2e read as '.' and %3b as ';', in lower case: enough to see what an upstream could see.
std::string decode_dots(std::string_view path) {
  std::string text(path);
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const auto& [escape, meant] : {std::pair("%2e", "."), std::pair("%3b", ";")})
    for (std::size_t at = 0; (at = text.find(escape, at)) != std::string::npos;)
      text.replace(at, 3, meant);
  return text;
}

std::optional<unsigned char> decode_at(std::string_view text, std::size_t at) {
  unsigned value = 0;
  if (text.size() < at + 3) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data() + at + 1, text.data() + at + 3, value, 16);
  if (error != std::errc() || end != text.data() + at + 3) return std::nullopt;
  return static_cast<unsigned char>(value);
}

/// Does it hold an escape of a character that needs none (RFC 3986 section 2.3), or one that is none? Such a path is
/// another text for the same resource: what is granted or routed by the one would be reached by the other.
bool has_needless_escape(std::string_view path) {
  for (std::size_t at = path.find('%'); at != std::string_view::npos; at = path.find('%', at + 1)) {
    const auto decoded = decode_at(path, at);
    if (!decoded || std::isalnum(*decoded) != 0) return true;
    if (std::string_view("-._~").find(static_cast<char>(*decoded)) != std::string_view::npos) return true;
  }
  return false;
}

/// Nothing in it that could be read in two ways: neither escapes, parameters and backslashes, nor a segment that is
/// empty or begins with a dot. That is nearly every path, and this is all that it costs.
bool is_plain_path(std::string_view path) {
  char before = '\0';
  for (const char c : path) {
    if (c == '%' || c == ';' || c == '\\' || (before == '/' && (c == '/' || c == '.'))) return false;
    before = c;
  }
  return true;
}

bool has_ambiguous_path(std::string_view path) {
  if (is_plain_path(path)) return false;
  if (path.find("//") != std::string_view::npos || has_needless_escape(path)) return true;
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

bool path_matches(const std::string& prefix, std::string_view path) {
  if (!path.starts_with(prefix)) return false;
  return prefix.ends_with('/') || path.size() == prefix.size() || path[prefix.size()] == '/';
}

/// The path as an upstream might read it that decodes escapes and drops ";parameters". Routes are found by this, so
/// that the spelling of a request never leads to a wider route of the same upstream.
std::string plainest_reading(std::string_view path) {
  std::string text;
  bool parameters = false;
  for (std::size_t at = 0; at < path.size(); ++at) {
    const auto decoded = path[at] == '%' ? decode_at(path, at) : std::nullopt;
    const char c = decoded ? static_cast<char>(*decoded) : path[at];
    if (decoded) at += 2;
    if (c == '/') parameters = false;
    if (c == ';') parameters = true;
    if (!parameters) text += c;
  }
  return text;
}

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
        "the path holds a dot segment, '//', an encoded slash or NUL, a backslash, or a percent sign before what needs "
        "none; send the path in its plain form");
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
      kMetrics.heading("route_requests_total", "counter", "Requests answered on each route, by class of status.");
  for (const Route& route : routes_)
    for (std::size_t digit = 1; digit < 6; ++digit)
      if (const std::uint64_t count = route.counts->of(digit); count > 0)
        text += kMetrics.line("route_requests_total",
                              base::metric_label("host", route.host) + "," + base::metric_label("path", route.path) +
                                  "," + base::metric_label("class", std::to_string(digit) + "xx"),
                              count);
  return text;
}

const Route* RouteTable::find(std::string_view listener, std::string_view host, std::string_view path) const {
  std::string plain;
  if (path.find_first_of("%;") != std::string_view::npos) path = plain = plainest_reading(path);
  const Route* best = nullptr;
  for (const Route& route : routes_) {
    if (!http::host_matches(route.host, host) || !path_matches(route.path, path)) continue;
    if (best != nullptr && (best->host != route.host || best->path != route.path)) return nullptr;
    best = &route;
    if (route.listeners.empty() || std::ranges::find(route.listeners, listener) != route.listeners.end()) return best;
  }
  return nullptr;
}

}  // namespace countersign::gateway
