// Private to store: the schema as a numbered list of steps, each applied once, in one transaction.
#pragma once

#include "base/result.h"
#include "store/dialect.h"

namespace soci {
class session;
}

namespace countersign::store {

/// Applies the steps that `sql` has not had yet; of several programs, one at a time does. Fails: `store.too_new`, and
/// as store/registry.h says.
base::Result<void> migrate(soci::session& sql, Dialect dialect);

}  // namespace countersign::store
