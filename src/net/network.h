// Address and Network: an address as bytes, and whether a network holds it (RFC 4632, RFC 4291 section 2.3). What
// cannot be read as an address is in no network.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace countersign::net {

/// An IPv4 or IPv6 address. IPv4 inside IPv6 (::ffff:192.0.2.1, RFC 4291 section 2.5.5.2) is the IPv4 address.
class Address {
 public:
  /// Without brackets and port; a zone ("%eth0") does not count. Absent when it is no address.
  static std::optional<Address> parse(std::string_view text);
  bool is_v4() const { return v4_; }

 private:
  friend class Network;
  bool v4_ = false;
  std::array<std::uint8_t, 16> bytes_{};  ///< of IPv4 the first four
};

class Network {
 public:
  /// "192.0.2.0/24", "2001:db8::/32", or one address. Fails: `net.network`, also when bits behind the prefix are
  /// set: the author may have meant another network.
  static base::Result<Network> parse(std::string_view text);
  bool contains(const Address& address) const;
  const std::string& text() const { return text_; }

 private:
  Network(Address base, unsigned bits, std::string text) : base_(base), bits_(bits), text_(std::move(text)) {}
  Address base_;
  unsigned bits_;
  std::string text_;
};

using Networks = std::vector<Network>;
/// No networks named: from everywhere. Else the address must be there and in one of them.
bool holds(const Networks& from, const std::optional<Address>& address);

}  // namespace countersign::net
