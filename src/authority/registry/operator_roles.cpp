#include "authority/registry/operator_roles.h"

#include <algorithm>
#include <array>

#include "authority/registry/operators.h"
#include "base/check.h"
#include "store/applications.h"
#include "store/operator_roles.h"

namespace countersign::authority {
namespace {

constexpr std::array kRoles = {Role::registrar, Role::approver, Role::revoker, Role::administrator};
constexpr const char* kOperators = "operator";

Right right_of(Role role) {
  switch (role) {
    case Role::registrar: return Right::enrol;
    case Role::approver: return Right::approve;
    case Role::revoker: return Right::revoke;
    case Role::administrator: return Right::administrate;
  }
  BASE_UNREACHABLE();
}

store::ApplicationKey key_of(const std::string& operator_name) {
  return {std::string(base::name(base::Environment::internal)), kOperators, operator_name};
}

base::Result<std::set<Role>> find_roles(store::Transaction& rows, const std::string& operator_name) {
  BASE_TRY(const auto found, store::list_operator_roles(rows, operator_name));
  std::set<Role> roles;
  for (const store::OperatorRoleRow& row : found)
    if (const auto role = parse_role(row.role)) roles.insert(*role);
  return roles;
}

base::Result<OperatorRoles> describe(store::Transaction& rows, const store::ApplicationRow& application) {
  BASE_TRY(auto roles, find_roles(rows, application.key.application));
  return OperatorRoles{application.key.application, std::move(roles), application.suspended};
}

}  // namespace

std::string_view name(Role role) {
  switch (role) {
    case Role::registrar: return "registrar";
    case Role::approver: return "approver";
    case Role::revoker: return "revoker";
    case Role::administrator: return "administrator";
  }
  BASE_UNREACHABLE();
}

std::optional<Role> parse_role(std::string_view text) {
  for (const Role role : kRoles)
    if (text == name(role)) return role;
  return std::nullopt;
}

bool grants(const std::set<Role>& roles, Right right) {
  if (right == Right::look || roles.contains(Role::administrator)) return true;
  return std::ranges::any_of(roles, [&](Role role) { return right_of(role) == right; });
}

std::string roles_that_grant(Right right) {
  std::string text;
  for (const Role role : kRoles)
    if (grants({role}, right)) text += (text.empty() ? "" : " or ") + std::string(name(role));
  return text;
}

bool is_platform(const base::Identity& identity) { return base::is_reserved_organisation(identity.organisation); }

bool is_operator(const base::Identity& identity) {
  return identity.environment == base::Environment::internal && identity.organisation.text() == kOperators;
}

base::Result<std::set<Role>> roles_of(store::Transaction& rows, const base::Slug& operator_name) {
  return find_roles(rows, operator_name.text());
}

base::Result<std::vector<OperatorRoles>> list_operators(Ledger& ledger) {
  BASE_TRY(auto rows, ledger.read());
  BASE_TRY(const auto applications, store::list_applications(rows, {key_of("").environment, kOperators, ""}));
  std::vector<OperatorRoles> operators;
  for (const store::ApplicationRow& row : applications) {
    BASE_TRY(auto described, describe(rows, row));
    operators.push_back(std::move(described));
  }
  std::ranges::sort(operators, {}, &OperatorRoles::operator_name);
  return operators;
}

base::Result<OperatorRoles> set_roles(Ledger& ledger, const RoleChange& change) {
  const base::Identity identity{base::Environment::internal, base::Slug::parse(kOperators).value(),
                                change.operator_name};
  BASE_TRY(auto amendment, ledger.amend());
  BASE_TRY(const auto application, store::find_application(amendment.rows(), key_of(change.operator_name.text())));
  if (!application)
    return base::fail(base::Kind::not_found, "application.unknown",
                      "there is no operator '" + change.operator_name.text() + "': create the application " +
                          "internal/operator/" + change.operator_name.text() + " first");
  std::vector<std::string> names;
  base::json::array listed;
  for (const Role role : change.roles) {
    names.emplace_back(name(role));
    listed.emplace_back(name(role));
  }
  BASE_TRY(const auto before, roles_of(amendment.rows(), change.operator_name));
  BASE_TRY_VOID(store::set_operator_roles(amendment.rows(), change.operator_name.text(), names));
  if (grants(before, Right::administrate) && !grants(change.roles, Right::administrate))
    BASE_TRY_VOID(keep_an_operator(amendment.rows(), identity, ledger.now()));
  BASE_TRY_VOID(amendment.audit({change.actor, "operator.roles", identity.to_urn(), {{"roles", std::move(listed)}}}));
  BASE_TRY(auto described, describe(amendment.rows(), *application));
  BASE_TRY_VOID(amendment.commit());
  return described;
}

}  // namespace countersign::authority
