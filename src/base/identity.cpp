#include "base/identity.h"

#include <algorithm>
#include <array>

#include "base/check.h"

namespace countersign::base {
namespace {

constexpr std::string_view kUrnPrefix = "urn:countersign:";
constexpr std::size_t kSlugLimit = 63;
constexpr std::array<std::string_view, 3> kReserved = {"provider", "service", "operator"};

bool is_slug_character(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; }

}  // namespace

std::string_view name(Environment environment) {
  switch (environment) {
    case Environment::uat: return "uat";
    case Environment::production: return "production";
    case Environment::internal: return "internal";
  }
  BASE_UNREACHABLE();
}

Result<Environment> parse_environment(std::string_view text) {
  for (const Environment environment : {Environment::uat, Environment::production, Environment::internal})
    if (text == name(environment)) return environment;
  return fail(Kind::invalid, "environment.unknown",
              "'" + std::string(text.substr(0, 40)) + "' is not an environment: use uat or production");
}

Result<Slug> Slug::parse(std::string_view text) {
  const bool good = !text.empty() && text.size() <= kSlugLimit && std::ranges::all_of(text, is_slug_character) &&
                    text.front() != '-' && text.back() != '-';
  if (good) return Slug(std::string(text));
  return fail(Kind::invalid, "slug.invalid",
              "'" + std::string(text.substr(0, 70)) +
                  "' is not a valid name: use 1 to 63 of a-z, 0-9 and '-', not starting or ending with '-'");
}

std::string Identity::to_urn() const {
  return std::string(kUrnPrefix) + std::string(name(environment)) + ":" + organisation.text() + ":" +
         application.text();
}

Result<Identity> Identity::from_urn(std::string_view urn) {
  const auto refuse = [] {
    return fail(Kind::invalid, "urn.invalid",
                "not of the form urn:countersign:<environment>:<organisation>:<application>");
  };
  if (!urn.starts_with(kUrnPrefix)) return refuse();
  const std::string_view rest = urn.substr(kUrnPrefix.size());
  const std::size_t first = rest.find(':');
  if (first == std::string_view::npos) return refuse();
  const std::size_t second = rest.find(':', first + 1);
  if (second == std::string_view::npos) return refuse();
  auto environment = parse_environment(rest.substr(0, first));
  auto organisation = Slug::parse(rest.substr(first + 1, second - first - 1));
  auto application = Slug::parse(rest.substr(second + 1));
  if (!environment || !organisation || !application) return refuse();
  return Identity{*environment, std::move(*organisation), std::move(*application)};
}

bool is_reserved_organisation(const Slug& organisation) {
  return std::ranges::find(kReserved, organisation.text()) != kReserved.end();
}

}  // namespace countersign::base
