// resolve: host names to addresses, for those who keep more than one connection to a name and choose among addresses
// themselves. Whoever just wants a connection leaves it to Socket::connect.
#pragma once

#include <vector>

#include "net/endpoint.h"
#include "net/loop.h"

namespace countersign::net {

/// The addresses of `name`, each with its port, without doubles, in an order of their own: at least one; an address is
/// its own answer. Remembered as by Socket::connect. Fails: `net.resolve`, `net.timeout`.
Task<base::Result<std::vector<Endpoint>>> resolve(Loop& loop, Endpoint name, Deadline deadline);

}  // namespace countersign::net
