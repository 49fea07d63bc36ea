// Which addresses belong to the public internet: what a partner names must not lead into the provider's own network.
#pragma once

#include <string>

#include <sys/socket.h>

namespace countersign::courier {

/// False for every address that the IANA special-purpose registries (RFC 6890) do not call globally reachable, also
/// where one is wrapped into IPv6 (mapped, compatible, 6to4, Teredo, NAT64), for multicast, and for families other than
/// IPv4 and IPv6.
bool is_public_address(const sockaddr& address);
/// The same of an address that is written down, without brackets and port. False for what is no address, and for one
/// with a zone.
bool is_public_address(const std::string& text);

}  // namespace countersign::courier
