// Networks in the configuration.
#pragma once

#include "base/config.h"
#include "net/network.h"

namespace countersign::net {

/// The list of networks that `key` names; absent is empty. Fails: `config.type`, `config.value`.
base::Result<Networks> read_networks(base::ConfigSection& section, std::string_view key);

}  // namespace countersign::net
