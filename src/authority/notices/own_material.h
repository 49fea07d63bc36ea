// Own material: what the authority publishes of itself and must publish anew before it is over - CRLs, and the
// certificates of OCSP responders. One entry for each issuer: the one that is over first.
#pragma once

#include <string>
#include <vector>

#include "authority/registry/hierarchy.h"

namespace countersign::authority {

struct OwnMaterial {
  enum class Kind { crl, ocsp_responder };
  Kind kind;
  std::string id;      ///< of this very CRL or certificate
  std::string issuer;  ///< "partner-root", "uat-transport"
  base::Instant made_at;
  base::Instant good_until;
};
std::string_view name(OwnMaterial::Kind kind);

/// Of whoever speaks at `now`, in order of kind and issuer. Fails: as store.
base::Result<std::vector<OwnMaterial>> list_own_material(store::Transaction& rows, const Hierarchy& hierarchy,
                                                         base::Instant now);

}  // namespace countersign::authority
