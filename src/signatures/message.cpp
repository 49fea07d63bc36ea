#include "signatures/message.h"

#include <algorithm>

#include "http/text.h"

namespace countersign::signatures {

std::optional<std::string> combined(const http::Fields& fields, std::string_view name) {
  std::optional<std::string> all;
  for (const http::Field& field : fields) {
    if (!http::equals_ignoring_case(field.name, name)) continue;
    const std::string_view value = http::trim(field.value);
    if (all) *all += ", " + std::string(value);
    else all = std::string(value);
  }
  return all;
}

std::string normal_authority(std::string_view scheme, std::string_view authority) {
  const std::string_view port = scheme == "https" ? ":443" : ":80";
  if (authority.ends_with(port)) authority.remove_suffix(port.size());
  std::string text(authority);
  std::ranges::transform(text, text.begin(), http::to_lower);
  return text;
}

}  // namespace countersign::signatures
