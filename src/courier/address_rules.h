// AddressRules: to which addresses a connection may go when somebody outside has named where it leads.
#pragma once

#include <string>

#include <sys/socket.h>

#include "net/network.h"

namespace countersign::courier {

enum class Reach {
  public_only,  ///< never into the provider's own network
  anywhere,
};

struct AddressRules {
  Reach reach = Reach::public_only;
  net::Networks deny = {};  ///< never there, whatever the reach: the provider's own that have public addresses
  net::Networks own = {};   ///< nor there with `public_only`: what this machine is in (net::own_networks)
};

/// Whether a connection to this address may be begun; no address is never allowed.
bool allows(const AddressRules& rules, const std::string& address);
bool allows(const AddressRules& rules, const sockaddr& address);

}  // namespace countersign::courier
