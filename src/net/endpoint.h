// Endpoint: where to listen or connect: host (name or address) and port.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace countersign::net {

struct Endpoint {
  std::string host;
  std::uint16_t port = 0;

  /// "127.0.0.1:8443", "[::1]:8443", "api.example.com:443". Fails: `endpoint.invalid`.
  static base::Result<Endpoint> parse(std::string_view text);
  /// The same spelling back; IPv6 in brackets.
  std::string to_string() const;
  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

}  // namespace countersign::net
