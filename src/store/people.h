// Roles of people of partners: what somebody of an organisation may do for it, and who said so. Errors as in
// store/registry.h.
#pragma once

#include "store/applications.h"

namespace countersign::store {

struct PersonRoleRow {
  std::string organisation;
  std::string person;
  std::string role;
  std::string granted_by;  ///< the operator
};

/// In order of person and role. An empty `person` lets all of the organisation pass.
base::Result<std::vector<PersonRoleRow>> list_person_roles(Transaction& transaction, const std::string& organisation,
                                                           const std::string& person);
/// `row.role` for each of `roles`, and no others.
base::Result<void> set_person_roles(Transaction& transaction, const PersonRoleRow& row,
                                    const std::vector<std::string>& roles);

}  // namespace countersign::store
