#include "policy/caller.h"

#include <algorithm>
#include <vector>

namespace countersign::policy {
namespace {

tl::unexpected<base::Error> bad_name(std::string_view text, std::string_view why) {
  return base::fail(base::Kind::invalid, "policy.whom",
                    "'" + std::string(text.substr(0, 150)) + "' names nobody: " + std::string(why));
}

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  for (std::size_t start = 0; start <= text.size() && parts.size() < 4;) {
    const std::size_t end = std::min(text.find('/', start), text.size());
    parts.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return parts;
}

bool is_star_or_name(std::string_view part) { return part == "*" || base::Slug::parse(part); }

/// Partners live in these; the platform's own certificates open no partner API.
bool is_partners_environment(std::string_view text) {
  const auto environment = base::parse_environment(text);
  return environment && *environment != base::Environment::internal;
}

base::Result<std::string> parse_parts(std::string_view text, const std::vector<std::string_view>& parts) {
  if (!is_partners_environment(parts[0])) return bad_name(text, "it must start with uat/ or production/");
  for (std::size_t i = 1; i < parts.size(); ++i)
    if (!is_star_or_name(parts[i]))
      return bad_name(text, "organisations and applications are 1 to 63 of a-z, 0-9 and '-', or '*' for each");
  if (parts.size() == 3 && parts[1] == "*" && parts[2] != "*")
    return bad_name(text,
                    "applications belong to their organisation: an application of that name elsewhere is another one");
  return std::string(text);
}

}  // namespace

std::array<std::string, 3> Caller::names_for_applications() const {
  if (!identity_) return {std::string(kAnonymous), "", ""};
  const std::string environment(base::name(identity_->environment));
  const std::string organisation = environment + "/" + identity_->organisation.text();
  return {organisation + "/" + identity_->application.text(), organisation + "/*", environment + "/*/*"};
}

std::array<std::string, 2> Caller::names_for_organisations() const {
  if (!identity_) return {};
  const std::string environment(base::name(identity_->environment));
  return {environment + "/" + identity_->organisation.text(), environment + "/*"};
}

base::Result<std::string> parse_applications(std::string_view text) {
  if (text == kAnonymous) return std::string(text);
  const auto parts = split(text);
  if (parts.size() == 2 && is_partners_environment(parts[0]))
    return bad_name(text, "for each application of an organisation write '" + std::string(text.substr(0, 80)) + "/*'");
  if (parts.size() != 3)
    return bad_name(text,
                    "write ENVIRONMENT/ORGANISATION/APPLICATION, such as production/acme/shop or production/acme/*, "
                    "or \"anonymous\"");
  return parse_parts(text, parts);
}

base::Result<std::string> parse_partners(std::string_view text) {
  const auto parts = split(text);
  if (parts.size() == 2) return parse_parts(text, parts);
  return parse_applications(text);
}

base::Result<Caller> parse_caller(std::string_view text) {
  if (text == kAnonymous) return Caller::anonymous();
  if (text.starts_with("urn:")) {
    BASE_TRY(auto identity, base::Identity::from_urn(text));
    return Caller::supposed(std::move(identity));
  }
  if (split(text).size() != 3)
    return bad_name(
        text, "write ENVIRONMENT/ORGANISATION/APPLICATION, such as production/acme/shop, its URN, or \"anonymous\"");
  BASE_TRY(const std::string name, parse_applications(text));
  if (name.find('*') != std::string::npos) return bad_name(text, "one application is asked about, not several");
  const auto parts = split(name);
  BASE_TRY(const auto environment, base::parse_environment(parts[0]));
  BASE_TRY(auto organisation, base::Slug::parse(parts[1]));
  BASE_TRY(auto application, base::Slug::parse(parts[2]));
  return Caller::supposed({environment, std::move(organisation), std::move(application)});
}

}  // namespace countersign::policy
