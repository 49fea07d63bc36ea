// Operators: somebody must always be able to administrate. Who can is judged as at the door: by the chain and by what
// the registry says.
#pragma once

#include "authority/registry/ledger.h"
#include "base/identity.h"

namespace countersign::authority {

/// How many certificates of operators would be admitted at `at`, as the rows of this transaction stand.
/// Fails: `registry.corrupt`, and as store.
base::Result<std::size_t> count_usable_operators(store::Transaction& rows, base::Instant at);

/// To be asked before an amendment that ended a certificate or application of `changed` is committed. Fails:
/// `operator.last` when that was an operator and none is left who could get in.
base::Result<void> keep_an_operator(store::Transaction& rows, const base::Identity& changed, base::Instant at);

}  // namespace countersign::authority
