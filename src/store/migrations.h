// Private to store: the schema as a numbered list of steps, each applied once, in one transaction.
#pragma once

#include "base/result.h"

namespace soci {
class session;
}

namespace countersign::store {

/// Applies the steps that `sql` has not had yet. Fails: `store.too_new`, and as store/registry.h says.
base::Result<void> migrate(soci::session& sql);

}  // namespace countersign::store
