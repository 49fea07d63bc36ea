// The PROXY protocol, version 2: how a load balancer says from whom it took a connection (HAProxy's proxy-protocol.txt,
// section 2.2). Read from those only whom the configuration names: whoever may say it may pass for any address.
//
// Read strictly: version 1 (text) is refused, lengths must add up to the byte, every TLV must be whole, and a CRC32c,
// where there is one, must be right.
#pragma once

#include <optional>
#include <vector>

#include "net/socket.h"

namespace countersign::net {

struct ProxyHeader {
  /// LOCAL: the proxy speaks for itself, as in a health check; there are no addresses then.
  bool local = false;
  Endpoint source = {};
  Endpoint destination = {};
};

inline constexpr std::size_t kProxyPrefixBytes = 16;
/// A longer one is refused, though the protocol allows 65,535 bytes: it costs memory before anybody proved anything.
inline constexpr std::size_t kProxyHeaderBytes = 4096;

/// How long the header is whose first kProxyPrefixBytes bytes these are. Fails: `proxy.version_1`, `proxy.malformed`,
/// `proxy.too_large`.
base::Result<std::size_t> proxy_header_size(base::BytesView prefix);
/// The whole header, to the byte. Fails: also `proxy.checksum`, `proxy.unsupported` (UDP, unix sockets).
base::Result<ProxyHeader> parse_proxy_header(base::BytesView bytes);
/// Reads one off a fresh connection and no byte of what follows. Fails: also as Socket::read_some, `proxy.cut_off`.
Task<base::Result<ProxyHeader>> read_proxy_header(Socket& socket, Deadline deadline);

/// More that a header says of the connection (section 2.2): a type, and a value of its own form.
struct ProxyTlv {
  std::uint8_t type;
  base::Bytes value;
};

/// A header with CRC32c. Where one of the two is of IPv6, the other is told as IPv6, too (::ffff:192.0.2.1, RFC 4291
/// section 2.5.5.2). Where one is no address it says LOCAL. What of `more` does not fit into kProxyHeaderBytes is left
/// out.
base::Bytes write_proxy_header(const Endpoint& source, const Endpoint& destination,
                               const std::vector<ProxyTlv>& more = {});
/// One TLV, for values that are made of others.
void append_tlv(base::Bytes& to, const ProxyTlv& tlv);

/// CRC-32C (Castagnoli, RFC 3720 appendix B.4).
std::uint32_t crc32c(base::BytesView bytes);

}  // namespace countersign::net
