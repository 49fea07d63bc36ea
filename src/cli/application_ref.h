// How people name an application on the command line: `production/acme/payments`.
#pragma once

#include <string>
#include <string_view>

#include "base/identity.h"

namespace countersign::cli {

/// "ENVIRONMENT/ORGANISATION/APPLICATION", or the URN that stands in certificates. Fails: `application.form`,
/// `environment.unknown`, `slug.invalid`.
base::Result<base::Identity> parse_application(std::string_view text);
/// The short form back.
std::string to_ref(const base::Identity& identity);

}  // namespace countersign::cli
