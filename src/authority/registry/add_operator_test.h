// What tests of operators begin with.
#pragma once

#include <gtest/gtest.h>

#include "authority/founding/established_data_test.h"
#include "authority/registry/directory.h"
#include "authority/registry/operator_roles.h"

namespace countersign::authority {

/// An operator who has no certificate yet.
inline void add_operator(Ledger& ledger, std::string_view name, const std::set<Role>& roles) {
  const base::Identity wanted = identity("internal:operator:" + std::string(name));
  ASSERT_TRUE(Directory(ledger).create_application(admin(), {wanted, "", {}}));
  ASSERT_TRUE(set_roles(ledger, {admin(), wanted.application, roles}));
}

}  // namespace countersign::authority
