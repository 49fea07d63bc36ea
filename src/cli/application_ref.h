// How people name an application on the command line: `production/acme/payments`.
#pragma once

#include <string>
#include <string_view>

#include "base/identity.h"

namespace countersign::cli {

/// "ENVIRONMENT/ORGANISATION/APPLICATION", or the URN that stands in certificates. Fails: `application.form`,
/// `environment.unknown`, `slug.invalid`.
base::Result<base::Identity> parse_application(std::string_view text);
/// What a list is narrowed to; what is empty narrows nothing.
struct ListScope {
  std::string environment = {};
  std::string organisation = {};
  std::string application = {};
};
/// To one application, as parse_application takes it; "" leaves the scope as it is. Fails: as parse_application.
base::Result<ListScope> narrowed(ListScope scope, std::string_view application);
/// The short form back.
std::string to_ref(const base::Identity& identity);

}  // namespace countersign::cli
