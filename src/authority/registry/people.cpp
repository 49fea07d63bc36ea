#include "authority/registry/people.h"

#include <algorithm>
#include <array>

#include "authority/registry/rows.h"
#include "base/check.h"
#include "store/applications.h"
#include "store/codes.h"
#include "store/people.h"

namespace countersign::authority {
namespace {

constexpr std::array kRoles = {PersonRole::requester, PersonRole::revoker};

PersonRight right_of(PersonRole role) {
  switch (role) {
    case PersonRole::requester: return PersonRight::request;
    case PersonRole::revoker: return PersonRight::revoke;
  }
  BASE_UNREACHABLE();
}

}  // namespace

std::string_view name(PersonRole role) {
  switch (role) {
    case PersonRole::requester: return "requester";
    case PersonRole::revoker: return "revoker";
  }
  BASE_UNREACHABLE();
}

std::optional<PersonRole> parse_person_role(std::string_view text) {
  const auto found = std::ranges::find(kRoles, text, [](PersonRole role) { return name(role); });
  if (found == kRoles.end()) return std::nullopt;
  return *found;
}

bool grants(const std::set<PersonRole>& roles, PersonRight right) {
  if (right == PersonRight::look) return true;
  return std::ranges::any_of(roles, [&](PersonRole role) { return right_of(role) == right; });
}

std::string_view role_that_grants(PersonRight right) {
  const auto found = std::ranges::find(kRoles, right, right_of);
  return found == kRoles.end() ? "" : name(*found);
}

bool is_person(const base::Identity& identity) {
  return identity.environment == base::Environment::internal && !base::is_reserved_organisation(identity.organisation);
}

base::Result<std::set<PersonRole>> person_roles_of(store::Transaction& rows, const base::Identity& person) {
  BASE_TRY(const auto found, store::list_person_roles(rows, person.organisation.text(), person.application.text()));
  std::set<PersonRole> roles;
  for (const store::PersonRoleRow& row : found)
    if (const auto role = parse_person_role(row.role)) roles.insert(*role);
  return roles;
}

base::Result<std::vector<PersonRoles>> list_people(Ledger& ledger, const std::optional<base::Slug>& organisation) {
  BASE_TRY(auto rows, ledger.read());
  const store::ApplicationFilter filter{std::string(base::name(base::Environment::internal)),
                                        organisation ? organisation->text() : "", ""};
  BASE_TRY(const auto applications, store::list_applications(rows, filter));
  std::vector<PersonRoles> people;
  for (const store::ApplicationRow& row : applications) {
    BASE_TRY(auto identity, to_identity(row.key));
    if (!is_person(identity)) continue;
    BASE_TRY(auto roles, person_roles_of(rows, identity));
    people.push_back({std::move(identity), std::move(roles), row.suspended});
  }
  return people;
}

base::Result<PersonRoles> set_person_roles(Ledger& ledger, const PersonRoleChange& change) {
  const base::Identity& person = change.person;
  BASE_TRY(auto amendment, ledger.amend());
  BASE_TRY(const auto application, store::find_application(amendment.rows(), to_key(person)));
  if (!application || !is_person(person))
    return base::fail(base::Kind::not_found, "application.unknown",
                      "there is nobody '" + person.application.text() + "' of '" + person.organisation.text() +
                          "': create the application internal/" + person.organisation.text() + "/" +
                          person.application.text() + " first");
  std::vector<std::string> names;
  base::json::array listed;
  for (const PersonRole role : change.roles) {
    names.emplace_back(name(role));
    listed.emplace_back(name(role));
  }
  const store::PersonRoleRow row{person.organisation.text(), person.application.text(), "", change.actor.name};
  BASE_TRY_VOID(store::set_person_roles(amendment.rows(), row, names));
  BASE_TRY_VOID(amendment.audit({change.actor, "person.roles", person.to_urn(), {{"roles", std::move(listed)}}}));
  BASE_TRY_VOID(amendment.commit());
  return PersonRoles{person, change.roles, application->suspended};
}

base::Result<std::set<std::string>> vouchers_of(store::Transaction& rows, const base::Identity& person) {
  std::set<std::string> vouchers;
  BASE_TRY(const auto codes, store::list_enrolment_codes(rows, to_key(person)));
  for (const store::EnrolmentCodeRow& code : codes)
    vouchers.insert(code.created_by);
  BASE_TRY(const auto roles, store::list_person_roles(rows, person.organisation.text(), person.application.text()));
  for (const store::PersonRoleRow& role : roles)
    vouchers.insert(role.granted_by);
  return vouchers;
}

}  // namespace countersign::authority
