// Recovery: what a start does about issuances that a crash or a failure left between record and publish.
#pragma once

#include <set>
#include <string>

#include "authority/issuance/lint.h"
#include "authority/registry/ledger.h"

namespace countersign::authority {

/// Marks every open intent abandoned, with an audit record each, and returns how many; but not those of `living`
/// instances, whose issuances may be under way. Fails: as store.
base::Result<std::size_t> abandon_open_intents(Ledger& ledger, const std::set<std::string>& living = {});

/// Ends the intent of an issuance that could not be signed: its serial is never signed again. What cannot be written
/// now is done at the next start. Fails: as store and audit.
base::Result<void> abandon_intent(Ledger& ledger, const Linted& linted);

}  // namespace countersign::authority
