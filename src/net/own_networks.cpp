#include "net/own_networks.h"

#include <bit>
#include <cstring>
#include <memory>
#include <span>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>

namespace countersign::net {
namespace {

/// Of an address of IPv4 or IPv6, in the order of the wire; empty for other families.
std::vector<std::uint8_t> bytes_of(const sockaddr* address) {
  if (address != nullptr && address->sa_family == AF_INET) {
    sockaddr_in four{};
    std::memcpy(&four, address, sizeof four);
    std::vector<std::uint8_t> bytes(sizeof four.sin_addr);
    std::memcpy(bytes.data(), &four.sin_addr, bytes.size());
    return bytes;
  }
  if (address != nullptr && address->sa_family == AF_INET6) {
    sockaddr_in6 six{};
    std::memcpy(&six, address, sizeof six);
    std::vector<std::uint8_t> bytes(sizeof six.sin6_addr);
    std::memcpy(bytes.data(), &six.sin6_addr, bytes.size());
    return bytes;
  }
  return {};
}

std::optional<Network> network_of(const ifaddrs& one) {
  std::vector<std::uint8_t> bytes = bytes_of(one.ifa_addr);
  if (bytes.empty()) return std::nullopt;
  const std::vector<std::uint8_t> mask = bytes_of(one.ifa_netmask);
  unsigned bits = 0;
  for (const std::uint8_t byte : mask)
    bits += static_cast<unsigned>(std::popcount(byte));
  // A tunnel whose mask holds everything is not the world.
  if (bits == 0 || mask.size() != bytes.size()) bits = static_cast<unsigned>(bytes.size() * 8);
  else
    for (std::size_t i = 0; i < bytes.size(); ++i)
      bytes[i] &= mask[i];
  std::array<char, INET6_ADDRSTRLEN> text{};
  const int family = bytes.size() == sizeof(in_addr) ? AF_INET : AF_INET6;
  if (::inet_ntop(family, bytes.data(), text.data(), text.size()) == nullptr) return std::nullopt;
  auto network = Network::parse(std::string(text.data()) + "/" + std::to_string(bits));
  if (!network) return std::nullopt;
  return std::move(*network);
}

}  // namespace

Networks own_networks() {
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> all(first, ::freeifaddrs);
  Networks networks;
  for (const ifaddrs* one = first; one != nullptr; one = one->ifa_next)
    if (auto network = network_of(*one)) networks.push_back(std::move(*network));
  return networks;
}

}  // namespace countersign::net
