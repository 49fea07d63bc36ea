#include "courier/address_rules.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "courier/public_address.h"

namespace countersign::courier {
namespace {

/// Empty for families other than IPv4 and IPv6.
std::string text_of(const sockaddr& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.sa_family == AF_INET) {
    sockaddr_in four{};
    std::memcpy(&four, &address, sizeof four);
    if (::inet_ntop(AF_INET, &four.sin_addr, text.data(), text.size()) != nullptr) return text.data();
  } else if (address.sa_family == AF_INET6) {
    sockaddr_in6 six{};
    std::memcpy(&six, &address, sizeof six);
    if (::inet_ntop(AF_INET6, &six.sin6_addr, text.data(), text.size()) != nullptr) return text.data();
  }
  return {};
}

}  // namespace

bool allows(const AddressRules& rules, const std::string& text) {
  const auto address = net::Address::parse(text);
  const auto is_in = [&](const net::Networks& networks) {
    return std::ranges::any_of(networks, [&](const net::Network& one) { return one.contains(*address); });
  };
  if (!address || is_in(rules.deny)) return false;
  if (rules.reach == Reach::anywhere) return true;
  return is_public_address(text) && !is_in(rules.own);
}

bool allows(const AddressRules& rules, const sockaddr& address) { return allows(rules, text_of(address)); }

}  // namespace countersign::courier
