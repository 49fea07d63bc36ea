// given_doors: which listener is each of the sockets for that a service manager opened for us?
#pragma once

#include "gateway/doors.h"
#include "net/given_sockets.h"

namespace countersign::gateway {

/// By the socket's name - a listener's, or "status" - or else by the address; and the address must be what the
/// configuration says, so that nobody is let in by another listener's rules. Fails: `gateway.given_sockets`,
/// `net.listen`.
base::Result<std::vector<Door>> given_doors(std::vector<net::GivenSocket> given, const GatewayConfig& config);

}  // namespace countersign::gateway
