#include "http/strict_transport.h"

#include <algorithm>
#include <set>

#include "http/text.h"

namespace countersign::http {
namespace {

/// In seconds; more than 300 years is a typing error.
constexpr std::size_t kLongestNumber = 10;

tl::unexpected<base::Error> wrong(std::string detail) {
  return base::fail(base::Kind::invalid, "strict_transport.invalid",
                    std::move(detail) + "; write it as \"max-age=31536000; includeSubDomains\" (RFC 6797)");
}

/// delta-seconds, which may be quoted.
bool is_age(std::string_view value) {
  if (value.size() > 2 && value.starts_with('"') && value.ends_with('"')) value = value.substr(1, value.size() - 2);
  return !value.empty() && value.size() <= kLongestNumber &&
         std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; });
}

base::Result<void> check_directive(std::string_view name, std::string_view value, bool has_value) {
  if (equals_ignoring_case(name, "max-age")) {
    if (!is_age(value)) return wrong("max-age must be a number of seconds, of at most 10 digits");
    return {};
  }
  const bool known = equals_ignoring_case(name, "includeSubDomains") || equals_ignoring_case(name, "preload");
  if (!known) return wrong("'" + std::string(name) + "' is none of max-age, includeSubDomains and preload");
  if (has_value) return wrong("'" + std::string(name) + "' has no value");
  return {};
}

}  // namespace

bool is_strict_transport(std::string_view field_name) {
  return equals_ignoring_case(field_name, kStrictTransportField);
}

base::Result<std::string> parse_strict_transport(std::string_view text) {
  std::set<std::string> seen;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t end = std::min(rest.find(';'), rest.size());
    const std::string_view directive = trim(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (directive.empty()) return wrong("there is nothing before, between or behind ';'");
    const std::size_t equals = directive.find('=');
    const bool has_value = equals != std::string_view::npos;
    const std::string_view name = trim(directive.substr(0, equals));
    const std::string_view value = has_value ? trim(directive.substr(equals + 1)) : std::string_view();
    BASE_TRY_VOID(check_directive(name, value, has_value));
    std::string lower(name);
    std::ranges::transform(lower, lower.begin(), to_lower);
    if (!seen.insert(lower).second) return wrong("'" + std::string(name) + "' stands there twice");
  }
  if (!seen.contains("max-age")) return wrong("max-age is missing");
  if (seen.contains("preload") && !seen.contains("includesubdomains"))
    return wrong("preload needs includeSubDomains: no list takes a name without");
  return std::string(trim(text));
}

}  // namespace countersign::http
