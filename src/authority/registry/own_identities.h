// Who the platform itself is: the two applications that every registry has from its first run on.
#pragma once

#include "base/identity.h"

namespace countersign::authority {

/// urn:countersign:internal:service:authority and urn:countersign:internal:operator:admin.
base::Identity authority_identity();
base::Identity admin_identity();

}  // namespace countersign::authority
