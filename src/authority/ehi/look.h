// look_at: one check of a partner's server, run to its end on a loop of its own; the registry is not touched.
#pragma once

#include <functional>

#include "authority/ehi/settings.h"
#include "base/identity.h"
#include "base/log.h"
#include "check/finding.h"
#include "check/observe.h"
#include "net/own_networks.h"
#include "net/resolve.h"
#include "x509/certificate.h"

namespace countersign::authority {

/// For the name of the server; what follows has check::kObserveTime.
inline constexpr base::Duration kEhiResolveTime = std::chrono::seconds(10);
/// Addresses of a host that are tried for one that takes a connection, and for how long each.
inline constexpr std::size_t kEhiAddressesTried = 4;
inline constexpr base::Duration kEhiConnectTime = std::chrono::seconds(5);

/// What a check learns of the network; tests have one of their own.
struct EhiNetwork {
  using Resolve =
      std::function<net::Task<base::Result<std::vector<net::Endpoint>>>(net::Loop&, net::Endpoint, net::Deadline)>;
  Resolve resolve = net::resolve;
  net::Networks own = net::own_networks();  ///< what this machine is in
};

struct EhiLook {
  std::string url;
  base::Environment environment;
  std::vector<x509::Certificate> trust_chain;
  /// Has an operator vouched that the server is the organisation's? Else it is shown nothing of the provider's, and
  /// asked for "/" alone: whoever names a URL must not have us call somebody else in the provider's name.
  bool is_confirmed = false;
  EhiNetwork network = {};
};

/// The host is looked up once, and every connection goes to what was found then: a name that changes under way (DNS
/// rebinding) leads nowhere else. A name that does not resolve is a finding. Blocks until the check has ended or
/// somebody stops the loop. Fails: `ehi_check.address` where an address of the host is not of the public internet or is
/// denied, and the settings do not allow it; `ehi_check.stopped`; `ehi_check.settings` where the authority's own files
/// cannot be used: partners read these words, so why is in the log alone.
base::Result<check::Report> look_at(const EhiCheckSettings& settings, const EhiLook& look, check::Surroundings with,
                                    const base::Log& log);

}  // namespace countersign::authority
