// Roles of people of partners: what each gives, who has them, and who stands behind somebody.
#include "authority/registry/people.h"

#include "authority/fixture_test.h"
#include "authority/registry/operator_roles.h"

namespace countersign::authority {
namespace {

TEST(PersonRoles, GiveOneRightEach) {
  struct Row {
    const char* name;
    std::set<PersonRole> roles;
    bool may_request;
    bool may_revoke;
  };
  const Row rows[] = {{"none", {}, false, false},
                      {"requester", {PersonRole::requester}, true, false},
                      {"revoker", {PersonRole::revoker}, false, true},
                      {"both", {PersonRole::requester, PersonRole::revoker}, true, true}};
  for (const Row& row : rows) {
    EXPECT_TRUE(grants(row.roles, PersonRight::look)) << row.name;
    EXPECT_EQ(grants(row.roles, PersonRight::request), row.may_request) << row.name;
    EXPECT_EQ(grants(row.roles, PersonRight::revoke), row.may_revoke) << row.name;
    for (const PersonRole role : row.roles)
      EXPECT_EQ(parse_person_role(name(role)), role);
  }
  EXPECT_EQ(parse_person_role("administrator"), std::nullopt) << "no operator's role";
}

TEST(PersonRoles, AreOfPartnersOnly) {
  EXPECT_TRUE(is_person(identity("internal:acme:maria")));
  for (const char* other : {"internal:operator:admin", "internal:service:gateway", "production:acme:payments",
                            "production:provider:ehi", "uat:acme:maria"})
    EXPECT_FALSE(is_person(identity(other))) << other;
  EXPECT_FALSE(is_platform(identity("internal:acme:maria"))) << "a registrar keeps them, as all of a partner";
  EXPECT_TRUE(is_platform(identity("internal:service:gateway")));
}

}  // namespace
}  // namespace countersign::authority
