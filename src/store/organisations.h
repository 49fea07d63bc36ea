// Organisations: who owns applications. Rows only; errors as in store/registry.h.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "store/registry.h"

namespace countersign::store {

struct OrganisationRow {
  std::string id;
  std::string name;
  bool suspended = false;
  base::Instant created_at;
};

/// Fails also: `store.conflict` when the id is taken.
base::Result<void> insert(Transaction& transaction, const OrganisationRow& row);
base::Result<std::optional<OrganisationRow>> find_organisation(Transaction& transaction, const std::string& id);
/// In order of id.
base::Result<std::vector<OrganisationRow>> list_organisations(Transaction& transaction);
/// An unknown id changes nothing.
base::Result<void> suspend_organisation(Transaction& transaction, const std::string& id);
base::Result<void> resume_organisation(Transaction& transaction, const std::string& id);

}  // namespace countersign::store
