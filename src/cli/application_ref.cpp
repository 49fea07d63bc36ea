#include "cli/application_ref.h"

#include <algorithm>

namespace countersign::cli {

base::Result<base::Identity> parse_application(std::string_view text) {
  if (text.starts_with("urn:")) return base::Identity::from_urn(text);
  if (std::ranges::count(text, '/') != 2)
    return base::fail(base::Kind::invalid, "application.form",
                      "'" + std::string(text.substr(0, 80)) +
                          "' does not name an application: write ENVIRONMENT/ORGANISATION/APPLICATION, such as "
                          "production/acme/payments");
  const std::size_t first = text.find('/');
  const std::size_t second = text.find('/', first + 1);
  BASE_TRY(const base::Environment environment, base::parse_environment(text.substr(0, first)));
  BASE_TRY(base::Slug organisation, base::Slug::parse(text.substr(first + 1, second - first - 1)));
  BASE_TRY(base::Slug application, base::Slug::parse(text.substr(second + 1)));
  return base::Identity{environment, std::move(organisation), std::move(application)};
}

base::Result<ListScope> narrowed(ListScope scope, std::string_view application) {
  if (application.empty()) return scope;
  BASE_TRY(const base::Identity identity, parse_application(application));
  return ListScope{std::string(base::name(identity.environment)), identity.organisation.text(),
                   identity.application.text()};
}

std::string to_ref(const base::Identity& identity) {
  return std::string(base::name(identity.environment)) + "/" + identity.organisation.text() + "/" +
         identity.application.text();
}

}  // namespace countersign::cli
