#include "net/cidr.h"

#include <charconv>
#include <cstring>
#include <optional>

#include <arpa/inet.h>
#include <netinet/in.h>

namespace countersign::net {
namespace {

using Address = std::array<std::uint8_t, 16>;
constexpr std::size_t kMappedBytes = 12;
constexpr unsigned kMappedBits = 96;

struct Parsed {
  Address bytes;
  bool ipv4;
};

std::optional<Parsed> parse_address(const std::string& text) {
  Parsed parsed{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0}, true};
  if (inet_pton(AF_INET, text.c_str(), parsed.bytes.data() + kMappedBytes) == 1) return parsed;
  parsed.ipv4 = false;
  if (inet_pton(AF_INET6, text.c_str(), parsed.bytes.data()) == 1) return parsed;
  return std::nullopt;
}

bool same_prefix(const Address& a, const Address& b, unsigned bits) {
  const std::size_t whole = bits / 8;
  if (std::memcmp(a.data(), b.data(), whole) != 0) return false;
  const unsigned rest = bits % 8;
  return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

bool is_clear_behind(const Address& address, unsigned bits) {
  for (unsigned bit = bits; bit < 128; ++bit)
    if ((address[bit / 8] >> (7 - bit % 8) & 1) != 0) return false;
  return true;
}

}  // namespace

base::Result<Cidr> Cidr::parse(std::string_view text) {
  const auto invalid = [&](std::string_view why) {
    return base::fail(base::Kind::invalid, "cidr.invalid", "'" + std::string(text) + "' " + std::string(why));
  };
  const std::size_t slash = text.find('/');
  const auto address = parse_address(std::string(text.substr(0, slash)));
  if (!address) return invalid("is not a network like 10.0.0.0/8 or 2001:db8::/32");
  unsigned bits = address->ipv4 ? 32 : 128;
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    unsigned asked = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), asked);
    if (error != std::errc() || end != digits.data() + digits.size() || asked > bits)
      return invalid("has no prefix length from 0 to " + std::to_string(bits) + " behind its '/'");
    bits = asked;
  }
  if (address->ipv4) bits += kMappedBits;
  if (!is_clear_behind(address->bytes, bits))
    return invalid("has bits set behind its prefix: write the network's first address");
  return Cidr(address->bytes, bits);
}

bool Cidr::contains(const std::string& address) const {
  const auto parsed = parse_address(address);
  return parsed && same_prefix(parsed->bytes, address_, bits_);
}

std::string Cidr::to_string() const {
  char text[INET6_ADDRSTRLEN] = "";
  const bool ipv4 = bits_ >= kMappedBits && IN6_IS_ADDR_V4MAPPED(reinterpret_cast<const in6_addr*>(address_.data()));
  if (ipv4) inet_ntop(AF_INET, address_.data() + kMappedBytes, text, sizeof text);
  else inet_ntop(AF_INET6, address_.data(), text, sizeof text);
  return std::string(text) + "/" + std::to_string(ipv4 ? bits_ - kMappedBits : bits_);
}

}  // namespace countersign::net
