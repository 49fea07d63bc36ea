// An absolute http or https URL (RFC 3986), checked.
#pragma once

#include <string>
#include <string_view>

#include "net/endpoint.h"

namespace countersign::http {

struct Url {
  bool secure = true;       ///< https
  net::Endpoint authority;  ///< port filled in from the scheme when absent
  std::string target;       ///< path and query, at least "/"

  /// Fails: `url.invalid` on another scheme, user information, a fragment, or a control character.
  static base::Result<Url> parse(std::string_view text);
  /// host, or host:port where the port is not the scheme's own: the Host field.
  std::string host_field() const;
};

}  // namespace countersign::http
