// Recovery: what becomes of issuances that a crash or a failure left between record and publish.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "authority/issuance/lint.h"
#include "authority/registry/ledger.h"
#include "store/issuances.h"

namespace countersign::authority {

/// Marks every open intent abandoned, with an audit record each, and returns how many; but not those of `living`
/// instances, whose issuances may be under way. Fails: as store.
base::Result<std::size_t> abandon_open_intents(Ledger& ledger, const std::set<std::string>& living = {});

/// Intents of this run whose issuance failed behind the record: ended at once where the registry takes it, else before
/// the next is recorded, so that there is one at most. Their serials are never signed again.
class LeftIntents {
 public:
  void add(const Linted& linted);
  /// Ends them; one that was published after all, or never recorded, is none. What fails is left to the next call, or
  /// the next start. Fails: as store and audit.
  base::Result<void> end(Ledger& ledger);

 private:
  std::vector<store::IssuanceRow> rows_;
};

}  // namespace countersign::authority
