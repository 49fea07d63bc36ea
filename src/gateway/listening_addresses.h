// listening_addresses: do two listeners lead to one port of one address, however they are written?
#pragma once

#include "gateway/listener_config.h"
#include "net/listen_socket.h"

namespace countersign::gateway {

/// Workers share their ports by SO_REUSEPORT, and the kernel does not ask whose the other sockets are: of two listeners
/// that overlap (0.0.0.0 and [::], localhost and 127.0.0.1, a wildcard and an address it holds) each would get the
/// other's connections by chance, and with them its rules. Fails: `gateway.config` naming both, `net.listen`.
base::Result<void> check_listening_addresses(const std::vector<ListenerConfig>& listeners);

}  // namespace countersign::gateway
