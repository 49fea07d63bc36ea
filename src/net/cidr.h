// Cidr: a network of addresses, "10.0.0.0/8" or "2001:db8::/32" (RFC 4632, RFC 4291 section 2.3).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace countersign::net {

class Cidr {
 public:
  /// A single address is a network of one. Bits behind the prefix must be 0: "10.1.0.0/8" would be read two ways.
  /// Fails: `cidr.invalid`.
  static base::Result<Cidr> parse(std::string_view text);
  /// Is `address`, as text, within it? Something that is no address is in none. An IPv4 address mapped into IPv6 is
  /// taken for the IPv4 address.
  bool contains(const std::string& address) const;
  std::string to_string() const;
  friend auto operator<=>(const Cidr&, const Cidr&) = default;

 private:
  using Address = std::array<std::uint8_t, 16>;
  Cidr(Address address, unsigned bits) : address_(address), bits_(bits) {}
  Address address_;  ///< IPv4 as ::ffff:a.b.c.d
  unsigned bits_;    ///< of the 128
};

}  // namespace countersign::net
