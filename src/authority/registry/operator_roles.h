// Operator roles: what an operator may do beyond looking, which all of them may. A role gives rights; a route asks for
// one right; whatever touches the platform itself - operators, its programs, the provider's own applications - takes
// the right to administrate, so that no role can be used to get another.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "authority/registry/ledger.h"
#include "base/identity.h"

namespace countersign::authority {

enum class Role {
  registrar,     ///< organisations, applications, codes, credentials, contacts
  approver,      ///< approves and refuses requests
  revoker,       ///< revokes certificates; suspends and resumes
  administrator  ///< everything, operators and their roles included
};
enum class Right { look, enrol, approve, revoke, administrate };

std::string_view name(Role role);
std::optional<Role> parse_role(std::string_view text);
/// Does one of `roles` give `right`?
bool grants(const std::set<Role>& roles, Right right);
/// The roles that give `right`, for people: "registrar or administrator".
std::string roles_that_grant(Right right);

/// Is it the platform's own, so that only administrators may change what it has?
bool is_platform(const base::Identity& identity);
/// Under internal/operator.
bool is_operator(const base::Identity& identity);

/// None for whoever only looks. Fails: as store.
base::Result<std::set<Role>> roles_of(store::Transaction& rows, const base::Slug& operator_name);

struct OperatorRoles {
  std::string operator_name;
  std::set<Role> roles;
  bool suspended;
};
/// Every operator, in order of their names. Fails: as store.
base::Result<std::vector<OperatorRoles>> list_operators(Ledger& ledger);

struct RoleChange {
  const Actor& actor;
  const base::Slug& operator_name;
  const std::set<Role>& roles;
};
/// These and no others from now on, audited. Fails: `application.unknown`, `operator.last` when nobody who could get in
/// would be an administrator any more, and as store.
base::Result<OperatorRoles> set_roles(Ledger& ledger, const RoleChange& change);

}  // namespace countersign::authority
