// Operator roles: what each operator may do beyond looking. Errors as in store/registry.h.
#pragma once

#include <string>
#include <vector>

#include "store/registry.h"

namespace countersign::store {

struct OperatorRoleRow {
  std::string operator_name;  ///< the application under internal/operator
  std::string role;
};

/// In order of role.
base::Result<std::vector<OperatorRoleRow>> list_operator_roles(Transaction& transaction,
                                                               const std::string& operator_name);
/// These and no others from now on.
base::Result<void> set_operator_roles(Transaction& transaction, const std::string& operator_name,
                                      const std::vector<std::string>& roles);

}  // namespace countersign::store
