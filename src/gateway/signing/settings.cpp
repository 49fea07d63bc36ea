#include "gateway/signing/settings.h"

#include <algorithm>

#include "http/text.h"
#include "signatures/content_signature.h"

namespace countersign::gateway {
namespace {

using base::ConfigSection;

constexpr std::int64_t kMostContent = 16 * 1024 * 1024;
constexpr base::Duration kLongestAge = std::chrono::hours(1);

tl::unexpected<base::Error> wrong(std::string detail) {
  return base::fail(base::Kind::invalid, "gateway.config", std::move(detail));
}

/// One of two words.
base::Result<bool> read_choice(ConfigSection& section, std::string_view key, std::string_view yes, std::string_view no,
                               std::string_view otherwise) {
  BASE_TRY(const std::string word, section.text_or(key, otherwise));
  if (word == yes || word == no) return word == yes;
  return wrong("'" + section.path_of(key) + "' must be \"" + std::string(yes) + "\" or \"" + std::string(no) + "\"");
}

base::Result<void> read_policy(ConfigSection& section, signatures::SignaturePolicy& policy) {
  BASE_TRY(const auto cover, section.texts("cover"));
  for (const std::string& text : cover) {
    auto component = signatures::Component::parse(text);
    if (!component) return wrong("'" + section.path_of("cover") + "': " + component.error().detail);
    policy.more.push_back(std::move(*component));
  }
  BASE_TRY(policy.tag, section.text_or("tag", ""));
  if (!signatures::sf::is_string(policy.tag)) return wrong("'" + section.path_of("tag") + "' must be printable ASCII");
  BASE_TRY(const bool nonce, read_choice(section, "nonce", "required", "optional", "optional"));
  if (nonce) policy.nonce = signatures::NonceRule::required;
  return {};
}

base::Result<void> read_kinds(ConfigSection& section, RouteSignatures& settings) {
  BASE_TRY(const auto kinds, section.texts("danger_content_only"));
  for (const std::string& kind : kinds) {
    if (kind != "jws" && kind != "header")
      return wrong("'" + section.path_of("danger_content_only") + "' can hold \"jws\" and \"header\"");
    settings.danger_content_only.push_back(kind == "jws" ? signatures::Kind::jws : signatures::Kind::header);
  }
  BASE_TRY(settings.header, section.text_or("header", signatures::kHeaderField));
  if (!http::is_token(settings.header)) return wrong("'" + section.path_of("header") + "' must be the name of a field");
  return {};
}

base::Result<RouteSignatures> read(ConfigSection& section) {
  RouteSignatures settings;
  BASE_TRY(settings.requests, read_choice(section, "requests", "required", "off", "required"));
  BASE_TRY(settings.responses, read_choice(section, "responses", "signed", "off", "off"));
  if (!settings.requests && !settings.responses)
    return wrong("'" + section.path_of("requests") + "' and 'responses' are both off: leave the table out");
  BASE_TRY(const bool by_application, read_choice(section, "signer", "application", "organisation", "application"));
  settings.signer = by_application ? RouteSignatures::Signer::application : RouteSignatures::Signer::organisation;
  BASE_TRY(settings.strips, read_choice(section, "forward", "strip", "keep", "keep"));
  BASE_TRY_VOID(read_policy(section, settings.policy));
  BASE_TRY_VOID(read_kinds(section, settings));
  BASE_TRY(settings.max_age, section.duration_or("max_age", settings.max_age));
  if (settings.max_age <= base::Duration::zero() || settings.max_age > kLongestAge)
    return wrong("'" + section.path_of("max_age") + "' must be longer than nothing and at most 1h");
  BASE_TRY(const std::int64_t limit,
           section.integer_or("content_limit", static_cast<std::int64_t>(settings.content_limit)));
  if (limit < 1 || limit > kMostContent)
    return wrong("'" + section.path_of("content_limit") + "' must be 1 to 16777216 bytes");
  settings.content_limit = static_cast<std::size_t>(limit);
  if (!settings.danger_content_only.empty() && settings.policy.nonce == signatures::NonceRule::required)
    return wrong("'" + section.path_of("danger_content_only") +
                 "' names kinds that have no nonce, and 'nonce' demands one: drop one of the two");
  return settings;
}

}  // namespace

bool RouteSignatures::takes(signatures::Kind kind) const {
  return kind == signatures::Kind::rfc9421 || std::ranges::find(danger_content_only, kind) != danger_content_only.end();
}

base::Result<std::optional<RouteSignatures>> read_route_signatures(ConfigSection& route) {
  if (!route.has("signatures")) return std::optional<RouteSignatures>();
  BASE_TRY(auto section, route.section("signatures"));
  BASE_TRY(auto settings, read(section));
  return std::optional(std::move(settings));
}

}  // namespace countersign::gateway
