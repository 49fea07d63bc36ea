// A first run whose roots are made at a ceremony, on a machine without a network: this authority makes the keys of its
// issuing CAs and requests for their certificates, and waits. It never sees the key of a root.
//
// All goes through one folder: NAME.csr out; NAME.pem, ROOT.pem and ROOT.crl.pem in.
#pragma once

#include "authority/founding/ca_key_home.h"
#include "authority/founding/ceremony.h"

namespace countersign::authority {

struct AwaitedCeremony {
  const std::filesystem::path& folder;
  const std::string& provider;
  base::Instant now;
};

/// Makes what is missing of keys and requests, and takes what the ceremony has made of them, if it is all there. Fails:
/// `authority.awaits_ceremony` naming what is missing, `ca.profile`, `ca.signature`, `crl.foreign`, and as CaKeyHome.
base::Result<Ceremony> take_ceremony(const AwaitedCeremony& awaited, CaKeyHome& keys);

}  // namespace countersign::authority
