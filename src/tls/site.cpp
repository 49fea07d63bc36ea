#include "tls/site.h"

#include <algorithm>

namespace countersign::tls {

Entrance Entrance::of(std::shared_ptr<const ServerContext> context, JudgeClient judge) {
  const auto site = std::make_shared<const Site>(Site{.name = "", .context = context, .judge = std::move(judge)});
  return {std::move(context), [site](const std::string&) { return site; }};
}

std::string canonical_name(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  std::string text(name);
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  return text;
}

}  // namespace countersign::tls
