// The host names and addresses that a server certificate of an application may carry.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "x509/certificate.h"

namespace countersign::authority {

/// At most this many for one application.
inline constexpr std::size_t kServerNameLimit = 50;

/// The names in one spelling: DNS names in lower case (letters, digits, '-', a wildcard only as the whole first label),
/// addresses as the system writes them. Fails: `server_name.invalid`, `server_name.too_many`.
base::Result<std::vector<std::string>> parse_server_names(const std::vector<std::string>& texts);
bool is_ip_address(const std::string& name);

/// `names` (as parse_server_names made them) and one URN as a SAN (RFC 5280 section 4.2.1.6).
x509::SubjectAltNames to_subject_alt_names(const std::string& urn, const std::vector<std::string>& names);

}  // namespace countersign::authority
