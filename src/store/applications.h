// Applications: what proves itself; named by environment, organisation and application. Errors as in store/registry.h.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "store/registry.h"

namespace countersign::store {

/// The three names of an application, as every table repeats them.
struct ApplicationKey {
  std::string environment;
  std::string organisation;
  std::string application;
  friend bool operator==(const ApplicationKey&, const ApplicationKey&) = default;
};

/// Narrows a list; an empty text lets everything pass.
struct ApplicationFilter {
  std::string environment;
  std::string organisation;
  std::string application;
};

struct ApplicationRow {
  ApplicationKey key;
  std::string name;
  std::vector<std::string> server_names;
  bool suspended = false;
  base::Instant created_at;
};

/// Fails also: `store.conflict` when it exists already or its organisation does not.
base::Result<void> insert(Transaction& transaction, const ApplicationRow& row);
base::Result<std::optional<ApplicationRow>> find_application(Transaction& transaction, const ApplicationKey& key);
/// In order of the key.
base::Result<std::vector<ApplicationRow>> list_applications(Transaction& transaction, const ApplicationFilter& filter);
/// An unknown key changes nothing.
base::Result<void> suspend_application(Transaction& transaction, const ApplicationKey& key);
base::Result<void> resume_application(Transaction& transaction, const ApplicationKey& key);
base::Result<void> replace_server_names(Transaction& transaction, const ApplicationKey& key,
                                        const std::vector<std::string>& server_names);

}  // namespace countersign::store
