// A socket of the C library's that is connected to a port of this machine, for peers that do what no library of ours
// does.
#pragma once

#include <cstdint>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/check.h"

namespace countersign::testing {

/// The descriptor, which is the caller's to close.
inline int connect_to(std::uint16_t port) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to = {};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  BASE_CHECK(::connect(descriptor, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
  return descriptor;
}

}  // namespace countersign::testing
