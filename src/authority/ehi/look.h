// look_at: one check of a partner's server, run to its end on a loop of its own; the registry is not touched.
#pragma once

#include "authority/ehi/settings.h"
#include "base/identity.h"
#include "base/log.h"
#include "check/finding.h"
#include "check/observe.h"
#include "x509/certificate.h"

namespace countersign::authority {

/// For the name of the server; what follows has check::kObserveTime.
inline constexpr base::Duration kEhiResolveTime = std::chrono::seconds(10);
/// Addresses of a host that are tried for one that takes a connection, and for how long each.
inline constexpr std::size_t kEhiAddressesTried = 4;
inline constexpr base::Duration kEhiConnectTime = std::chrono::seconds(5);

struct EhiLook {
  std::string url;
  base::Environment environment;
  std::vector<x509::Certificate> trust_chain;
};

/// The host is looked up once, and every connection goes to what was found then: a name that changes under way (DNS
/// rebinding) leads nowhere else. A name that does not resolve is a finding. Blocks until the check has ended or
/// somebody stops the loop. Fails: `ehi_check.address` where an address of the host is not of the public internet and
/// the settings do not allow that, `ehi_check.stopped`, and as check::load_anchors, tls::load_credential and
/// check::load_test_credentials.
base::Result<check::Report> look_at(const EhiCheckSettings& settings, const EhiLook& look, check::Surroundings with,
                                    const base::Log& log);

}  // namespace countersign::authority
