#include "policy/pattern.h"

#include <algorithm>

#include "http/host_pattern.h"

namespace countersign::policy {
namespace {

constexpr std::size_t kLongestHost = 253;
constexpr std::size_t kLongestMethod = 32;

std::string quoted(std::string_view text) { return "'" + std::string(text.substr(0, 80)) + "'"; }

tl::unexpected<base::Error> bad_host(std::string_view text, std::string_view why) {
  return base::fail(base::Kind::invalid, "policy.host", quoted(text) + " is not a host: " + std::string(why));
}
tl::unexpected<base::Error> bad_path(std::string_view text, std::string_view why) {
  return base::fail(base::Kind::invalid, "policy.path", quoted(text) + " is not a path to grant: " + std::string(why));
}
tl::unexpected<base::Error> bad_method(std::string_view text, std::string_view why) {
  return base::fail(base::Kind::invalid, "policy.method", quoted(text) + " is not a method: " + std::string(why));
}

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == ':';
}

/// Plain characters of a path (RFC 3986 section 3.3) but for '%' and ';': what is granted has one spelling.
bool is_path_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-._~!$&'()*+,=:@/").find(c) != std::string_view::npos;
}

std::vector<std::string> split(std::string_view path) {
  std::vector<std::string> segments;
  for (std::size_t start = 1; start <= path.size();) {
    const std::size_t end = std::min(path.find('/', start), path.size());
    segments.emplace_back(path.substr(start, end - start));
    start = end + 1;
  }
  return segments;
}

}  // namespace

base::Result<HostPattern> HostPattern::parse(std::string_view text) {
  if (text == "*") return HostPattern("*");
  std::string_view name = text;
  if (name.starts_with("*.")) name.remove_prefix(2);
  if (name.empty() || name.size() > kLongestHost || !std::ranges::all_of(name, is_host_character) ||
      name.starts_with('.') || name.ends_with('.'))
    return bad_host(text, "write a name in lower case without port, \"*.example.com\" or \"*\"");
  return HostPattern(std::string(text));
}

bool HostPattern::matches(std::string_view host) const { return http::host_matches(text_, host); }

base::Result<PathPattern> PathPattern::parse(std::string_view text) {
  if (!text.starts_with('/')) return bad_path(text, "it must start with '/'");
  if (text.size() > kLongest) return bad_path(text, "it is longer than 1024 characters");
  if (!std::ranges::all_of(text, is_path_character))
    return bad_path(text, "it may hold letters, digits and -._~!$&'()*+,=:@ only, nothing percent-encoded");
  std::vector<std::string> segments = split(text);
  const bool open = segments.back() == "**";
  if (open) segments.pop_back();
  if (segments.size() > kMostSegments) return bad_path(text, "it has more than 64 segments");
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const std::string& segment = segments[i];
    const bool last = i + 1 == segments.size() && !open;
    if (segment.empty() && !last) return bad_path(text, "no request's path holds '//'");
    if (segment == "." || segment == "..") return bad_path(text, "no request's path holds dot segments");
    if (segment.find('*') != std::string::npos && segment != "*")
      return bad_path(text, "'*' stands for a whole segment, and '**' for all that follow, at the end only");
  }
  return PathPattern(std::string(text), std::move(segments), open);
}

bool PathPattern::matches(std::string_view path) const {
  for (const std::string& wanted : segments_) {
    if (path.empty()) return false;
    path.remove_prefix(1);  // the '/'
    const std::string_view segment = path.substr(0, path.find('/'));
    const bool same = wanted == "*" ? !segment.empty() : segment == wanted;
    if (!same) return false;
    path.remove_prefix(segment.size());
  }
  return open_ || path.empty();
}

base::Result<MethodSet> MethodSet::parse(const std::vector<std::string>& names) {
  if (names.empty()) return bad_method("", "name at least one, such as \"GET\", or \"*\" for all");
  if (names.size() > kMost) return bad_method(names.back(), "there are more than 32 of them");
  const bool all = std::ranges::find(names, "*") != names.end();
  if (all && names.size() > 1) return bad_method("*", "it stands for all methods, and must stand alone");
  for (const std::string& name : names) {
    const auto is_letter = [](char c) { return (c >= 'A' && c <= 'Z') || c == '-'; };
    if (!all && (name.empty() || name.size() > kLongestMethod || !std::ranges::all_of(name, is_letter)))
      return bad_method(name, "methods are written in capitals (RFC 9110 section 9.1)");
  }
  return MethodSet(names);
}

bool MethodSet::allows(std::string_view method) const {
  return std::ranges::any_of(names_, [&](const std::string& name) {
    return (name == "*" && method != kConnect) || name == method || (name == "GET" && method == "HEAD");
  });
}

std::string MethodSet::to_text() const {
  std::string text;
  for (const std::string& name : names_)
    text += (text.empty() ? "" : ", ") + name;
  return text;
}

}  // namespace countersign::policy
