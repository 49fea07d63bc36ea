#include "check/finding.h"

#include <algorithm>

#include "base/check.h"

namespace countersign::check {

std::string_view name(Severity severity) {
  switch (severity) {
    case Severity::fail: return "fail";
    case Severity::warn: return "warn";
    case Severity::pass: return "pass";
    case Severity::not_tried: return "not_tried";
  }
  BASE_UNREACHABLE();
}

std::string_view name(ServerKind kind) {
  switch (kind) {
    case ServerKind::unknown: return "unknown";
    case ServerKind::nginx: return "nginx";
    case ServerKind::haproxy: return "HAProxy";
    case ServerKind::httpd: return "httpd";
    case ServerKind::node: return "Node";
  }
  BASE_UNREACHABLE();
}

std::size_t Report::count(Severity severity) const {
  return static_cast<std::size_t>(std::ranges::count(findings, severity, &Finding::severity));
}

std::string plain(std::string_view text, std::size_t limit) {
  std::string out;
  for (const char character : text.substr(0, limit))
    out += character >= ' ' && character <= '~' ? character : '?';
  if (text.size() > limit) out += "...";
  return out;
}

}  // namespace countersign::check
