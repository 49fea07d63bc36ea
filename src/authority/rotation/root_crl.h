// The CRL of a root: made where the root's key is, at a ceremony, and only published here. It takes back issuing CAs.
#pragma once

#include "authority/registry/hierarchy.h"
#include "authority/registry/ledger.h"
#include "x509/crl.h"

namespace countersign::authority {

/// Published from now on in the place of the one before; the same one again changes nothing. Fails: `crl.malformed`,
/// `crl.foreign` when it is not that root's or not for CAs, `crl.place` when it does not say that it is had where our
/// CAs' certificates look for it, `crl.old` when its number or time does not rise or its next update has passed.
base::Result<void> import_root_crl(Ledger& ledger, const Hierarchy& hierarchy, const Actor& actor, const RootCa& root,
                                   std::string_view pem_or_der);

}  // namespace countersign::authority
