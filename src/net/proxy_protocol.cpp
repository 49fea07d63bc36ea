#include "net/proxy_protocol.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <arpa/inet.h>
#include <netinet/in.h>

namespace countersign::net {
namespace {

constexpr std::array<std::uint8_t, 12> kSignature = {0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D,
                                                     0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A};
constexpr std::uint8_t kLocal = 0x20;
constexpr std::uint8_t kProxy = 0x21;
constexpr std::uint8_t kTcp4 = 0x11;
constexpr std::uint8_t kTcp6 = 0x21;
constexpr std::uint8_t kCrc32c = 0x03;
constexpr std::size_t kTlvHead = 3;

tl::unexpected<base::Error> malformed(std::string detail) {
  return base::fail(base::Kind::invalid, "proxy.malformed", "the PROXY header " + std::move(detail));
}

std::size_t read16(base::BytesView bytes) { return static_cast<std::size_t>(bytes[0]) << 8 | bytes[1]; }

std::string address_text(base::BytesView bytes) {
  char text[INET6_ADDRSTRLEN] = "";
  if (bytes.size() == 4) {
    inet_ntop(AF_INET, bytes.data(), text, sizeof text);
    return text;
  }
  in6_addr address;
  std::memcpy(&address, bytes.data(), sizeof address);
  // As the kernel's own addresses are told: so that limits count one host once.
  if (IN6_IS_ADDR_V4MAPPED(&address)) return address_text(bytes.subspan(12));
  inet_ntop(AF_INET6, bytes.data(), text, sizeof text);
  return text;
}

/// What stands between addresses and end: each TLV whole, at most one checksum, and that right.
base::Result<void> check_tlvs(base::BytesView header, std::size_t at) {
  std::optional<std::size_t> checksum;
  while (at < header.size()) {
    if (header.size() - at < kTlvHead) return malformed("ends in the middle of a TLV");
    const std::uint8_t type = header[at];
    const std::size_t length = read16(header.subspan(at + 1));
    at += kTlvHead;
    if (header.size() - at < length) return malformed("holds a TLV that is longer than the rest of it");
    if (type == kCrc32c) {
      if (checksum || length != 4) return malformed("holds two checksums, or one that is not of 4 bytes");
      checksum = at;
    }
    at += length;
  }
  if (!checksum) return {};
  base::Bytes zeroed(header.begin(), header.end());
  std::uint32_t said = 0;
  for (std::size_t i = *checksum; i < *checksum + 4; ++i) {
    said = said << 8 | zeroed[i];
    zeroed[i] = 0;
  }
  if (crc32c(zeroed) != said)
    return base::fail(base::Kind::invalid, "proxy.checksum", "the PROXY header's CRC32c is not that of its bytes");
  return {};
}

struct Family {
  std::uint8_t byte;
  std::size_t address;  ///< bytes
};

std::optional<Family> family_of(std::uint8_t byte) {
  if (byte == kTcp4) return Family{byte, 4};
  if (byte == kTcp6) return Family{byte, 16};
  return std::nullopt;
}

/// 4 or 16 bytes, or none.
base::Bytes address_bytes(const std::string& host) {
  base::Bytes bytes(16);
  if (inet_pton(AF_INET, host.c_str(), bytes.data()) == 1) bytes.resize(4);
  else if (inet_pton(AF_INET6, host.c_str(), bytes.data()) != 1) bytes.clear();
  return bytes;
}

void map_to_v6(base::Bytes& address) {
  if (address.size() != 4) return;
  static constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  address.insert(address.begin(), kMapped.begin(), kMapped.end());
}

void append16(base::Bytes& bytes, std::size_t number) {
  bytes.push_back(static_cast<std::uint8_t>(number >> 8));
  bytes.push_back(static_cast<std::uint8_t>(number));
}

void append(base::Bytes& bytes, const base::Bytes& more) { bytes.insert(bytes.end(), more.begin(), more.end()); }

}  // namespace

std::uint32_t crc32c(base::BytesView bytes) {
  std::uint32_t crc = 0xFFFFFFFFU;
  for (const std::uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit)
      crc = crc >> 1 ^ (0x82F63B78U & (0U - (crc & 1U)));
  }
  return ~crc;
}

base::Result<std::size_t> proxy_header_size(base::BytesView prefix) {
  if (prefix.size() < kProxyPrefixBytes) return malformed("is shorter than 16 bytes");
  if (base::as_text(prefix).starts_with("PROXY "))
    return base::fail(base::Kind::invalid, "proxy.version_1",
                      "the proxy speaks version 1 of the PROXY protocol: set it to version 2 (send-proxy-v2)");
  if (!std::equal(kSignature.begin(), kSignature.end(), prefix.begin()))
    return malformed("is missing: the connection begins with something else");
  if (prefix[12] != kLocal && prefix[12] != kProxy) return malformed("is of another version or command");
  const std::size_t size = kProxyPrefixBytes + read16(prefix.subspan(14));
  if (size > kProxyHeaderBytes)
    return base::fail(base::Kind::too_large, "proxy.too_large",
                      "the PROXY header is longer than " + std::to_string(kProxyHeaderBytes) + " bytes");
  return size;
}

base::Result<ProxyHeader> parse_proxy_header(base::BytesView bytes) {
  BASE_TRY(const std::size_t size, proxy_header_size(bytes));
  if (bytes.size() != size) return malformed("is not as long as it says");
  const auto family = family_of(bytes[13]);
  if (bytes[12] == kLocal) {
    // Section 2.2: the address part is to be skipped; where its family is known, what follows is looked at all the
    // same.
    const std::size_t skipped = family ? kProxyPrefixBytes + 2 * family->address + 4 : size;
    if (skipped < size) BASE_TRY_VOID(check_tlvs(bytes, skipped));
    return ProxyHeader{.local = true};
  }
  if (!family)
    return base::fail(base::Kind::invalid, "proxy.unsupported",
                      "the PROXY header is about something else than TCP over IPv4 or IPv6");
  const std::size_t width = family->address;
  if (size < kProxyPrefixBytes + 2 * width + 4) return malformed("is too short for its addresses");
  const base::BytesView body = bytes.subspan(kProxyPrefixBytes);
  BASE_TRY_VOID(check_tlvs(bytes, kProxyPrefixBytes + 2 * width + 4));
  const auto port = [&](std::size_t at) { return static_cast<std::uint16_t>(read16(body.subspan(at))); };
  return ProxyHeader{.source = {address_text(body.first(width)), port(2 * width)},
                     .destination = {address_text(body.subspan(width, width)), port(2 * width + 2)}};
}

Task<base::Result<ProxyHeader>> read_proxy_header(Socket& socket, Deadline deadline) {
  base::Bytes header(kProxyPrefixBytes);
  for (std::size_t have = 0; have < header.size();) {
    const std::span<std::uint8_t> rest = std::span(header).subspan(have);
    BASE_CO_TRY(const std::size_t got, co_await socket.read_some(rest, deadline));
    if (got == 0)
      co_return base::fail(base::Kind::unavailable, "proxy.cut_off",
                           "the proxy closed before its PROXY header was whole");
    have += got;
    if (have != kProxyPrefixBytes) continue;
    BASE_CO_TRY(const std::size_t size, proxy_header_size(header));
    header.resize(size);
  }
  co_return parse_proxy_header(header);
}

void append_tlv(base::Bytes& to, const ProxyTlv& tlv) {
  to.push_back(tlv.type);
  append16(to, tlv.value.size());
  append(to, tlv.value);
}

base::Bytes write_proxy_header(const Endpoint& source, const Endpoint& destination, const std::vector<ProxyTlv>& more) {
  base::Bytes from = address_bytes(source.host);
  base::Bytes to = address_bytes(destination.host);
  const bool told = !from.empty() && !to.empty();
  if (told && from.size() != to.size()) {
    map_to_v6(from);
    map_to_v6(to);
  }
  base::Bytes said;
  if (told) {
    append(said, from);
    append(said, to);
    append16(said, source.port);
    append16(said, destination.port);
  }
  for (const ProxyTlv& tlv : more)
    if (kProxyPrefixBytes + said.size() + 2 * kTlvHead + tlv.value.size() + 4 <= kProxyHeaderBytes)
      append_tlv(said, tlv);
  base::Bytes header(kSignature.begin(), kSignature.end());
  header.push_back(told ? kProxy : kLocal);
  header.push_back(!told ? 0 : from.size() == 4 ? kTcp4 : kTcp6);
  append16(header, said.size() + kTlvHead + 4);
  append(header, said);
  header.push_back(kCrc32c);
  append16(header, 4);
  header.resize(header.size() + 4);
  const std::uint32_t crc = crc32c(header);
  for (std::size_t i = 0; i < 4; ++i)
    header[header.size() - 4 + i] = static_cast<std::uint8_t>(crc >> (24 - 8 * i));
  return header;
}

}  // namespace countersign::net
