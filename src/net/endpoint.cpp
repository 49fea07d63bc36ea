#include "net/endpoint.h"

#include <algorithm>
#include <charconv>

#include <arpa/inet.h>

namespace countersign::net {
namespace {

constexpr std::size_t kHostLength = 253;  // RFC 1035 section 2.3.4, as text

tl::unexpected<base::Error> invalid(std::string_view text, std::string_view reason) {
  return base::fail(base::Kind::invalid, "endpoint.invalid",
                    "'" + std::string(text) + "' is not HOST:PORT: " + std::string(reason));
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

bool is_ipv6(const std::string& text) {
  in6_addr address;
  return inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

}  // namespace

base::Result<Endpoint> Endpoint::parse(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return invalid(text, "the port is missing");
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);

  Endpoint endpoint;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), endpoint.port);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size())
    return invalid(text, "the port must be a number from 0 to 65535");

  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    endpoint.host = host.substr(1, host.size() - 2);
    if (!is_ipv6(endpoint.host)) return invalid(text, "an IPv6 address is wanted in the brackets");
    return endpoint;
  }
  if (host.empty() || host.size() > kHostLength) return invalid(text, "the host is missing or too long");
  if (host.find(':') != std::string_view::npos) return invalid(text, "an IPv6 address needs brackets");
  if (!std::all_of(host.begin(), host.end(), is_name_character))
    return invalid(text, "the host holds a character that no host name has");
  endpoint.host = host;
  return endpoint;
}

std::string Endpoint::to_string() const {
  const bool brackets = host.find(':') != std::string::npos;
  return (brackets ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

}  // namespace countersign::net
