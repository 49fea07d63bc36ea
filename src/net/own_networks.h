// The networks that this machine is in.
#pragma once

#include "net/network.h"

namespace countersign::net {

/// Of each address of each interface (getifaddrs(3)) the network by its mask, as it is now; where the mask says
/// nothing, the address alone. Empty where the system does not tell.
Networks own_networks();

}  // namespace countersign::net
