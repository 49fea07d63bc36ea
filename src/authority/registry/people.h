// People of partners: somebody of an organisation, internal/ORGANISATION/NAME, who holds a certificate for `person` and
// comes to the API with it. Everybody looks at what the own organisation has; a role, which only operators give, adds
// one right. What another organisation has is no person's to see, whatever the role.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "authority/registry/ledger.h"
#include "base/identity.h"

namespace countersign::authority {

enum class PersonRole {
  requester,  ///< makes and cancels enrolment codes for applications of the organisation
  revoker     ///< revokes certificates of applications of the organisation
};
enum class PersonRight { look, request, revoke };

std::string_view name(PersonRole role);
std::optional<PersonRole> parse_person_role(std::string_view text);
/// Does one of `roles` give `right`?
bool grants(const std::set<PersonRole>& roles, PersonRight right);
/// The role that gives `right`, for people; empty where it takes none.
std::string_view role_that_grants(PersonRight right);

/// Under internal, and not the platform's.
bool is_person(const base::Identity& identity);

/// None for whoever only looks. Fails: as store.
base::Result<std::set<PersonRole>> person_roles_of(store::Transaction& rows, const base::Identity& person);

struct PersonRoles {
  base::Identity person;
  std::set<PersonRole> roles;
  bool suspended;
};
/// In order of organisation and name; of one organisation where that is given. Fails: as store.
base::Result<std::vector<PersonRoles>> list_people(Ledger& ledger, const std::optional<base::Slug>& organisation);

struct PersonRoleChange {
  const Actor& actor;
  const base::Identity& person;
  const std::set<PersonRole>& roles;
};
/// These and no others from now on, audited. Fails: `application.unknown`, and as store.
base::Result<PersonRoles> set_person_roles(Ledger& ledger, const PersonRoleChange& change);

/// The operators who let this person in: who made a code for it, or gave it the roles it has. Whoever did may hold its
/// certificate, and must not decide about what it asks for. Fails: as store.
base::Result<std::set<std::string>> vouchers_of(store::Transaction& rows, const base::Identity& person);

}  // namespace countersign::authority
