// Roles: which rights each gives, and that somebody always has them all.
#include "authority/registry/operator_roles.h"

#include "authority/fixture_test.h"

namespace countersign::authority {
namespace {

using testing::code_of;
using Roles = std::set<Role>;

TEST(OperatorRoles, GiveEachItsOwnRights) {
  struct Row {
    const char* name;
    Roles roles;
    std::set<Right> rights;
  };
  const Right all[] = {Right::look, Right::enrol, Right::approve, Right::revoke, Right::administrate};
  const std::vector<Row> rows{
      {"none", {}, {Right::look}},
      {"registrar", {Role::registrar}, {Right::look, Right::enrol}},
      {"approver", {Role::approver}, {Right::look, Right::approve}},
      {"revoker", {Role::revoker}, {Right::look, Right::revoke}},
      {"two of them", {Role::registrar, Role::revoker}, {Right::look, Right::enrol, Right::revoke}},
      {"administrator", {Role::administrator}, {std::begin(all), std::end(all)}},
  };
  for (const Row& row : rows)
    for (const Right right : all)
      EXPECT_EQ(grants(row.roles, right), row.rights.contains(right)) << row.name << " " << static_cast<int>(right);
}

TEST(OperatorRoles, AreReadAsTheyAreNamed) {
  for (const Role role : {Role::registrar, Role::approver, Role::revoker, Role::administrator})
    EXPECT_EQ(parse_role(name(role)), role);
  EXPECT_FALSE(parse_role("root"));
  EXPECT_EQ(roles_that_grant(Right::enrol), "registrar or administrator");
}

class RolesOf : public AuthorityTest {
 protected:
  base::Result<OperatorRoles> set(std::string_view who, const Roles& roles) {
    return set_roles(office().ledger, {admin(), slug(who), roles});
  }
};

TEST_F(RolesOf, TheFirstOperatorAreAll) {
  const auto operators = list_operators(office().ledger).value();
  ASSERT_EQ(operators.size(), 1U);
  EXPECT_EQ(operators[0].operator_name, "admin");
  EXPECT_EQ(operators[0].roles, Roles{Role::administrator});
}

TEST_F(RolesOf, ANewOperatorAreNone) {
  add_application("internal:operator:alice");
  EXPECT_EQ(list_operators(office().ledger).value()[1].roles, Roles{});
  const Roles wanted{Role::registrar, Role::approver};
  EXPECT_EQ(set("alice", wanted).value().roles, wanted);
  EXPECT_EQ(list_operators(office().ledger).value()[1].roles, wanted);
  EXPECT_EQ(code_of(set("nobody", wanted)), "application.unknown");
}

TEST_F(RolesOf, TheLastAdministratorStay) {
  ASSERT_TRUE(enrol("internal:operator:admin", make_key(), trust::Purpose::service));
  EXPECT_EQ(code_of(set("admin", {Role::registrar})), "operator.last");
  EXPECT_EQ(code_of(set("admin", {Role::registrar, Role::administrator})), "ok");
  add_operator(office().ledger, "alice", {Role::administrator});
  EXPECT_EQ(code_of(set("admin", {})), "operator.last") << "alice has no certificate";
  ASSERT_TRUE(enrol("internal:operator:alice", make_key(), trust::Purpose::service));
  EXPECT_EQ(code_of(set("admin", {})), "ok");
  EXPECT_EQ(code_of(set("alice", {})), "operator.last");
}

}  // namespace
}  // namespace countersign::authority
