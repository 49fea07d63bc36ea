// Instances: the authorities that work on this registry now, and when each was last seen. Errors as in
// store/registry.h.
#pragma once

#include <string>
#include <vector>

#include "base/time.h"
#include "store/registry.h"

namespace countersign::store {

struct InstanceRow {
  std::string id;     ///< of one run of one authority
  std::string label;  ///< where it runs, for people
  base::Instant started_at;
  base::Instant seen_at;                  ///< by its own clock: that it changes is what counts
  std::vector<std::string> ca_keys = {};  ///< of which issuing CAs it holds the key
};

/// Stores it, or replaces what is there of that id.
base::Result<void> put_instance(Transaction& transaction, const InstanceRow& row);
/// In order of their ids.
base::Result<std::vector<InstanceRow>> list_instances(Transaction& transaction);
/// An unknown id changes nothing.
base::Result<void> remove_instance(Transaction& transaction, const std::string& id);

}  // namespace countersign::store
