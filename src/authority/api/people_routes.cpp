// Routes by which operators see who of the partners' people may do what, and change it. People themselves come about as
// applications do: internal/ORGANISATION/NAME.
#include <array>

#include "authority/api/json.h"
#include "authority/api/routes.h"
#include "base/json_array.h"

namespace countersign::authority {
namespace {

base::json::object to_json(const PersonRoles& known) {
  auto roles = base::to_json_array(known.roles, [](const PersonRole role) { return name(role); });
  return {{"organisation", known.person.organisation.text()},
          {"person", known.person.application.text()},
          {"roles", std::move(roles)},
          {"suspended", known.suspended}};
}

Answer list_all(Authority& authority, const Operator&, const Call& call) {
  std::optional<base::Slug> organisation;
  if (const auto text = call.request.query("organisation")) {
    BASE_TRY(organisation, base::Slug::parse(*text));
  }
  BASE_TRY(const auto people, list_people(authority.ledger(), organisation));
  base::json::array array;
  for (const PersonRoles& known : people)
    array.emplace_back(to_json(known));
  return answer(200, {{"people", std::move(array)}});
}

base::Result<std::set<PersonRole>> read_roles(const Call& call) {
  BASE_TRY(const auto texts, read_texts(call, "roles"));
  std::set<PersonRole> roles;
  for (const std::string& text : texts) {
    const auto role = parse_person_role(text);
    if (!role)
      return base::fail(base::Kind::invalid, "role.unknown",
                        "'roles' may have requester and revoker; none of them: only looks");
    roles.insert(*role);
  }
  return roles;
}

Answer set_roles(Authority& authority, const Operator& caller, const Call& call) {
  BASE_TRY(const auto person, read_identity("internal", call.arguments[0], call.arguments[1]));
  BASE_TRY(const auto roles, read_roles(call));
  BASE_TRY(const auto changed, set_person_roles(authority.ledger(), {caller.actor(), person, roles}));
  return answer(200, to_json(changed));
}

}  // namespace

std::span<const Route> people_routes() {
  static constexpr std::array kRoutes = {
      Route{"GET", "/v1/people", OperatorHandler{Right::look, list_all}},
      Route{"POST", "/v1/people/{organisation}/{person}/roles", OperatorHandler{Right::enrol, set_roles}},
  };
  return kRoutes;
}

}  // namespace countersign::authority
