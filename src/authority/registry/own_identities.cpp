#include "authority/registry/own_identities.h"

#include "base/check.h"

namespace countersign::authority {
namespace {

base::Identity identity_of(std::string_view urn) {
  auto identity = base::Identity::from_urn(urn);
  BASE_CHECK(identity.has_value());
  return std::move(*identity);
}

}  // namespace

base::Identity authority_identity() { return identity_of("urn:countersign:internal:service:authority"); }
base::Identity admin_identity() { return identity_of("urn:countersign:internal:operator:admin"); }

}  // namespace countersign::authority
