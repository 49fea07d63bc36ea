// What each role opens at the real door, route by route, and that no role opens the way to another.

#include "authority/doors/doors_test.h"

namespace countersign::authority {
namespace {

TEST_F(Doors, OpenRoutesByTheRole) {
  struct Row {
    const char* name;
    std::set<Role> roles;
  };
  const Row rows[] = {{"vera", {}},
                      {"rita", {Role::registrar}},
                      {"anna", {Role::approver}},
                      {"ravi", {Role::revoker}},
                      {"ada", {Role::administrator}}};
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    add_operator(authority().ledger(), row.name, row.roles);
    const auto own = credential("internal:operator:" + std::string(row.name), Purpose::service);
    Caller caller{&own};
    for (const Route& route : all_routes()) {
      const auto* handler = std::get_if<OperatorHandler>(&route.handler);
      if (handler == nullptr) continue;
      // Nothing of that name is there: whoever is let through gets another answer.
      const std::string path = path_to_nothing(route.pattern);
      const std::string body = route.method == "GET" ? "" : R"({"no":"body"})";
      const bool refused = outcome(api(caller, {std::string(route.method), path, body})) == "403 caller.role";
      EXPECT_EQ(refused, !grants(row.roles, handler->right)) << route.method << " " << route.pattern;
    }
  }
}

/// Only administrators change what the platform has; the twin is the same call for a partner.
TEST_F(Doors, KeepThePlatformForAdministrators) {
  add_operator(authority().ledger(), "rita", {Role::registrar, Role::approver, Role::revoker});
  const auto rita = credential("internal:operator:rita", Purpose::service);
  struct Row {
    const char* target;  ///< behind /v1/applications/
    std::string body;
  };
  const Row rows[] = {{"/enrolment-codes", "{}"}, {"/eab-credentials", "{}"}, {"/suspend", ""}, {"/resume", ""}};
  for (const Row& row : rows) {
    SCOPED_TRACE(row.target);
    const auto ask = [&](const tls::Credential* own, const char* application) {
      return outcome(api(own, {"POST", std::string("/v1/applications/") + application + row.target, row.body}));
    };
    for (const char* of_platform : {"internal/operator/rita", "internal/service/gateway", "production/provider/ehi"})
      EXPECT_EQ(ask(&rita, of_platform), "403 caller.role") << of_platform;
    EXPECT_TRUE(ask(&rita, "production/acme/payments").starts_with('2'));
  }
  const std::string another = R"({"environment":"internal","organisation":"operator","application":"mallory"})";
  EXPECT_EQ(outcome(api(&rita, {"POST", "/v1/applications", another})), "403 caller.role");
  EXPECT_EQ(outcome(api(admin(), {"POST", "/v1/applications", another})), "201");
  const std::string all = R"({"roles":["administrator"]})";
  EXPECT_EQ(outcome(api(&rita, {"POST", "/v1/operators/rita/roles", all})), "403 caller.role");
  EXPECT_EQ(outcome(api(admin(), {"POST", "/v1/operators/rita/roles", all})), "200");
  EXPECT_EQ(outcome(api(&rita, {"POST", "/v1/operators/rita/roles", R"({"roles":["root"]})"})), "400 role.unknown")
      << "a role counts from the next call on";
}

}  // namespace
}  // namespace countersign::authority
