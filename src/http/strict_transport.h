// Strict-Transport-Security (RFC 6797): for how long user agents are to call a host over TLS alone.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace countersign::http {

inline constexpr std::string_view kStrictTransportField = "Strict-Transport-Security";

/// Is this the name of the field, in any case?
bool is_strict_transport(std::string_view field_name);

/// The field's value as it goes out: `text`, without spaces and tabs around it, when it is one (section 6.1): max-age
/// once, and perhaps includeSubDomains and preload, each once. Fails: `strict_transport.invalid`, saying what is wrong.
base::Result<std::string> parse_strict_transport(std::string_view text);

}  // namespace countersign::http
