// Routes by which administrators see what the operators may do, and change it.
#include <array>

#include "authority/api/json.h"
#include "authority/api/routes.h"
#include "base/json_array.h"

namespace countersign::authority {
namespace {

base::json::object to_json(const OperatorRoles& known) {
  auto roles = base::to_json_array(known.roles, [](const Role role) { return name(role); });
  return {{"operator", known.operator_name}, {"roles", std::move(roles)}, {"suspended", known.suspended}};
}

Answer list_all(Authority& authority, const Operator&, const Call&) {
  BASE_TRY(const auto operators, list_operators(authority.ledger()));
  base::json::array array;
  for (const OperatorRoles& known : operators)
    array.emplace_back(to_json(known));
  return answer(200, {{"operators", std::move(array)}});
}

base::Result<std::set<Role>> read_roles(const Call& call) {
  BASE_TRY(const auto texts, read_texts(call, "roles"));
  std::set<Role> roles;
  for (const std::string& text : texts) {
    const auto role = parse_role(text);
    if (!role)
      return base::fail(base::Kind::invalid, "role.unknown",
                        "'roles' may have registrar, approver, revoker and administrator; none of them: only looks");
    roles.insert(*role);
  }
  return roles;
}

Answer set_operator_roles(Authority& authority, const Operator& caller, const Call& call) {
  BASE_TRY(const auto name, base::Slug::parse(call.arguments[0]));
  BASE_TRY(const auto roles, read_roles(call));
  BASE_TRY(const auto changed, set_roles(authority.ledger(), {caller.actor(), name, roles}));
  return answer(200, to_json(changed));
}

}  // namespace

std::span<const Route> operator_routes() {
  static constexpr std::array kRoutes = {
      Route{"GET", "/v1/operators", OperatorHandler{Right::look, list_all}},
      Route{"POST", "/v1/operators/{operator}/roles", OperatorHandler{Right::administrate, set_operator_roles}},
  };
  return kRoutes;
}

}  // namespace countersign::authority
