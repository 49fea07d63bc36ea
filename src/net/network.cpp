#include "net/network.h"

#include <algorithm>
#include <charconv>

#include <arpa/inet.h>

namespace countersign::net {
namespace {

constexpr std::size_t kLongestAddress = 64;
constexpr std::array<std::uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

tl::unexpected<base::Error> bad_network(std::string_view text, std::string_view why) {
  return base::fail(base::Kind::invalid, "net.network",
                    "'" + std::string(text.substr(0, 80)) + "' is not a network: " + std::string(why));
}

/// Is the bit at `index` set, counted from the first of the address?
bool bit(const std::array<std::uint8_t, 16>& bytes, unsigned index) {
  return ((bytes[index / 8] >> (7 - index % 8)) & 1) != 0;
}

}  // namespace

std::optional<Address> Address::parse(std::string_view text) {
  const std::string plain(text.substr(0, std::min(text.find('%'), kLongestAddress)));
  Address address;
  if (inet_pton(AF_INET, plain.c_str(), address.bytes_.data()) == 1) {
    address.v4_ = true;
    return address;
  }
  if (inet_pton(AF_INET6, plain.c_str(), address.bytes_.data()) != 1) return std::nullopt;
  if (!std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), address.bytes_.begin())) return address;
  Address inner;
  inner.v4_ = true;
  std::copy(address.bytes_.begin() + kMappedPrefix.size(), address.bytes_.end(), inner.bytes_.begin());
  return inner;
}

base::Result<Network> Network::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string_view host = text.substr(0, slash);
  const auto base = Address::parse(host);
  if (!base || host.find('%') != std::string_view::npos)
    return bad_network(text, "write an address and how many bits of it count, such as 192.0.2.0/24 or 2001:db8::/32");
  if (base->v4_ && host.find(':') != std::string_view::npos)
    return bad_network(text, "write the IPv4 address itself, not its form inside IPv6");
  const unsigned most = base->v4_ ? 32 : 128;
  unsigned bits = most;
  if (slash != std::string_view::npos) {
    const std::string_view count = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(count.data(), count.data() + count.size(), bits);
    if (error != std::errc() || end != count.data() + count.size() || count.size() > 3 || bits > most)
      return bad_network(text, "behind '/' there must be 0 to " + std::to_string(most));
  }
  for (unsigned index = bits; index < most; ++index)
    if (bit(base->bytes_, index))
      return bad_network(text,
                         "bits behind the first " + std::to_string(bits) + " are set; write the network's own address");
  return Network(*base, bits, std::string(text));
}

bool Network::contains(const Address& address) const {
  if (address.v4_ != base_.v4_) return false;
  const unsigned whole = bits_ / 8;
  if (!std::equal(base_.bytes_.begin(), base_.bytes_.begin() + whole, address.bytes_.begin())) return false;
  for (unsigned index = whole * 8; index < bits_; ++index)
    if (bit(base_.bytes_, index) != bit(address.bytes_, index)) return false;
  return true;
}

bool holds(const Networks& from, const std::optional<Address>& address) {
  return from.empty() ||
         (address && std::ranges::any_of(from, [&](const Network& one) { return one.contains(*address); }));
}

}  // namespace countersign::net
