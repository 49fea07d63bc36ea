// Addresses and errors as the kernel tells them. Private to net.
#pragma once

#include <string>

#include <sys/socket.h>

#include "net/endpoint.h"

namespace countersign::net {

/// An address as an Endpoint; an IPv4 address mapped into IPv6 is told as IPv4.
Endpoint to_endpoint(const sockaddr_storage& address);
/// getsockname and getpeername; an empty Endpoint when the kernel has none to tell.
Endpoint local_endpoint(int descriptor);
Endpoint peer_endpoint(int descriptor);
/// What errno `number` means.
std::string system_message(int number);

}  // namespace countersign::net
