#include "courier/public_address.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include <arpa/inet.h>
#include <netinet/in.h>

namespace countersign::courier {
namespace {

struct Ipv4Block {
  std::uint32_t network;
  int bits;
};

constexpr std::uint32_t ipv4(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d) {
  return (a << 24U) | (b << 16U) | (c << 8U) | d;
}

/// RFC 6890 section 2.2.2 and its registry; 224/3 is multicast, reserved and broadcast.
constexpr std::array kSpecial = {
    Ipv4Block{ipv4(0, 0, 0, 0), 8},       Ipv4Block{ipv4(10, 0, 0, 0), 8},     Ipv4Block{ipv4(100, 64, 0, 0), 10},
    Ipv4Block{ipv4(127, 0, 0, 0), 8},     Ipv4Block{ipv4(169, 254, 0, 0), 16}, Ipv4Block{ipv4(172, 16, 0, 0), 12},
    Ipv4Block{ipv4(192, 0, 0, 0), 24},    Ipv4Block{ipv4(192, 0, 2, 0), 24},   Ipv4Block{ipv4(192, 31, 196, 0), 24},
    Ipv4Block{ipv4(192, 52, 193, 0), 24}, Ipv4Block{ipv4(192, 88, 99, 0), 24}, Ipv4Block{ipv4(192, 168, 0, 0), 16},
    Ipv4Block{ipv4(192, 175, 48, 0), 24}, Ipv4Block{ipv4(198, 18, 0, 0), 15},  Ipv4Block{ipv4(198, 51, 100, 0), 24},
    Ipv4Block{ipv4(203, 0, 113, 0), 24},  Ipv4Block{ipv4(224, 0, 0, 0), 3},
};

bool is_public(std::uint32_t address) {
  return std::ranges::none_of(
      kSpecial, [address](const Ipv4Block& block) { return ((address ^ block.network) >> (32 - block.bits)) == 0; });
}

/// Only 2000::/3 is handed out to the world; in it, what is special or wraps an IPv4 address is left out.
bool is_public(const std::array<std::uint8_t, 16>& address) {
  const auto group = [&address](std::size_t at) { return (address[at] << 8U) | address[at + 1]; };
  if ((address[0] & 0xe0U) != 0x20U) return false;             // mapped, NAT64, unique local, link-local, ...
  if (group(0) == 0x2001 && address[2] < 2) return false;      // 2001::/23: Teredo, ORCHID, benchmarking
  if (group(0) == 0x2001 && group(2) == 0x0db8) return false;  // documentation
  if (group(0) == 0x2002) return false;                        // 6to4
  return !(group(0) == 0x3fff && (address[2] & 0xf0U) == 0);   // documentation, RFC 9637
}

}  // namespace

bool is_public_address(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in four{};
    std::memcpy(&four, &address, sizeof four);
    return is_public(ntohl(four.sin_addr.s_addr));
  }
  if (address.sa_family != AF_INET6) return false;
  sockaddr_in6 six{};
  std::memcpy(&six, &address, sizeof six);
  std::array<std::uint8_t, 16> bytes{};
  std::memcpy(bytes.data(), &six.sin6_addr, bytes.size());
  return is_public(bytes);
}

bool is_public_address(const std::string& text) {
  in_addr four{};
  if (inet_pton(AF_INET, text.c_str(), &four) == 1) return is_public(ntohl(four.s_addr));
  std::array<std::uint8_t, 16> bytes{};
  return inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1 && is_public(bytes);
}

}  // namespace countersign::courier
