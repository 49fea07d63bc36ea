#include "authority/registry/directory.h"

#include <algorithm>

#include "authority/registry/operators.h"
#include "authority/registry/own_identities.h"
#include "authority/registry/rows.h"
#include "authority/registry/server_names.h"

namespace countersign::authority {
namespace {

using base::Environment;
using base::Kind;

constexpr std::size_t kNameLimit = 200;

base::Result<void> check_name(const std::string& name) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (!name.empty() && name.size() <= kNameLimit && std::ranges::none_of(name, is_control)) return {};
  return base::fail(Kind::invalid, "name.invalid", "a name has 1 to 200 bytes and no control characters");
}

tl::unexpected<base::Error> unknown_organisation(const std::string& id) {
  return base::fail(Kind::not_found, "organisation.unknown",
                    "there is no organisation '" + id + "': create it first, or check the spelling");
}

tl::unexpected<base::Error> unknown_application(const base::Identity& identity) {
  return base::fail(Kind::not_found, "application.unknown",
                    "there is no application " + identity.to_urn() + ": create it first, or check the spelling");
}

base::Result<std::vector<std::string>> check_server_names(const base::Identity& identity,
                                                          const std::vector<std::string>& names) {
  if (!names.empty() && !may_have(identity, trust::Purpose::server))
    return base::fail(Kind::invalid, "application.no_servers",
                      identity.to_urn() + " cannot have server certificates, so it has no server names");
  return parse_server_names(names);
}

}  // namespace

std::vector<trust::SuspensionFact> suspension_facts(const base::Slug& organisation, bool suspended) {
  std::vector<trust::SuspensionFact> facts;
  for (const Environment environment : {Environment::uat, Environment::production, Environment::internal})
    if (!purposes_of(environment, organisation).empty())
      facts.push_back({environment, organisation, std::nullopt, suspended});
  return facts;
}

base::Result<store::OrganisationRow> add_organisation(Amendment& amendment, const Actor& actor,
                                                      store::OrganisationRow row) {
  BASE_TRY(const auto existing, store::find_organisation(amendment.rows(), row.id));
  if (existing)
    return base::fail(Kind::conflict, "organisation.exists", "the organisation '" + row.id + "' exists already");
  BASE_TRY_VOID(store::insert(amendment.rows(), row));
  BASE_TRY_VOID(amendment.audit({actor, "organisation.created", row.id, {{"name", row.name}}}));
  return row;
}

base::Result<store::ApplicationRow> add_application(Amendment& amendment, const Actor& actor,
                                                    const NewApplication& application, base::Instant now) {
  const base::Identity& identity = application.identity;
  store::ApplicationRow row{to_key(identity), application.name, {}, false, now};
  if (row.name.empty()) row.name = row.key.application;
  BASE_TRY_VOID(check_name(row.name));
  BASE_TRY(const auto organisation, store::find_organisation(amendment.rows(), row.key.organisation));
  if (!organisation) return unknown_organisation(row.key.organisation);
  if (purposes_of(identity.environment, identity.organisation).empty())
    return base::fail(Kind::invalid, "application.environment",
                      "the organisation '" + row.key.organisation + "' cannot have applications in the environment '" +
                          row.key.environment + "'");
  BASE_TRY(row.server_names, check_server_names(identity, application.server_names));
  BASE_TRY(const auto existing, store::find_application(amendment.rows(), row.key));
  if (existing)
    return base::fail(Kind::conflict, "application.exists", "the application " + identity.to_urn() + " exists already");
  BASE_TRY_VOID(store::insert(amendment.rows(), row));
  BASE_TRY_VOID(amendment.audit({actor, "application.created", identity.to_urn(), {{"name", row.name}}}));
  return row;
}

base::Result<store::OrganisationRow> Directory::create_organisation(const Actor& actor, const base::Slug& id,
                                                                    const std::string& name) {
  BASE_TRY_VOID(check_name(name));
  BASE_TRY(auto amendment, ledger_.amend());
  BASE_TRY(auto row, add_organisation(amendment, actor, {id.text(), name, false, ledger_.now()}));
  BASE_TRY_VOID(amendment.commit());
  return row;
}

base::Result<std::vector<store::OrganisationRow>> Directory::list_organisations() {
  BASE_TRY(auto rows, ledger_.read());
  return store::list_organisations(rows);
}

base::Result<store::ApplicationRow> Directory::create_application(const Actor& actor,
                                                                  const NewApplication& application) {
  BASE_TRY(auto amendment, ledger_.amend());
  BASE_TRY(auto row, add_application(amendment, actor, application, ledger_.now()));
  BASE_TRY_VOID(amendment.commit());
  return row;
}

base::Result<std::vector<store::ApplicationRow>> Directory::list_applications(const store::ApplicationFilter& filter) {
  BASE_TRY(auto rows, ledger_.read());
  return store::list_applications(rows, filter);
}

base::Result<store::OrganisationRow> Directory::suspend_organisation(const Actor& actor, const base::Slug& id) {
  return change(actor, id, Standing::suspended);
}

base::Result<store::OrganisationRow> Directory::resume_organisation(const Actor& actor, const base::Slug& id) {
  return change(actor, id, Standing::active);
}

base::Result<store::ApplicationRow> Directory::suspend_application(const Actor& actor, const base::Identity& identity) {
  if (actor.name == identity.to_urn())
    return base::fail(Kind::conflict, "application.own", "an operator cannot suspend itself: another operator can");
  if (identity == authority_identity())
    return base::fail(Kind::conflict, "application.authority",
                      "the authority cannot suspend itself: nobody could talk to it, not even to resume it");
  return change(actor, identity, Standing::suspended);
}

base::Result<store::ApplicationRow> Directory::resume_application(const Actor& actor, const base::Identity& identity) {
  return change(actor, identity, Standing::active);
}

base::Result<store::OrganisationRow> Directory::change(const Actor& actor, const base::Slug& id, Standing to) {
  const bool suspend = to == Standing::suspended;
  if (base::is_reserved_organisation(id))
    return base::fail(
        Kind::conflict, "organisation.reserved",
        "'" + id.text() +
            "' is the platform itself and cannot be suspended as a whole: suspend one of its applications");
  BASE_TRY(auto amendment, ledger_.amend());
  BASE_TRY(auto row, store::find_organisation(amendment.rows(), id.text()));
  if (!row) return unknown_organisation(id.text());
  if (row->suspended == suspend) return std::move(*row);
  row->suspended = suspend;
  BASE_TRY_VOID(suspend ? store::suspend_organisation(amendment.rows(), row->id)
                        : store::resume_organisation(amendment.rows(), row->id));
  BASE_TRY_VOID(amendment.audit({actor, suspend ? "organisation.suspended" : "organisation.resumed", row->id}));
  for (const trust::SuspensionFact& fact : suspension_facts(id, suspend))
    amendment.publish(fact);
  BASE_TRY_VOID(amendment.commit());
  return std::move(*row);
}

base::Result<store::ApplicationRow> Directory::change(const Actor& actor, const base::Identity& identity, Standing to) {
  const bool suspend = to == Standing::suspended;
  BASE_TRY(auto amendment, ledger_.amend());
  BASE_TRY(auto row, store::find_application(amendment.rows(), to_key(identity)));
  if (!row) return unknown_application(identity);
  if (row->suspended == suspend) return std::move(*row);
  row->suspended = suspend;
  BASE_TRY_VOID(suspend ? store::suspend_application(amendment.rows(), row->key)
                        : store::resume_application(amendment.rows(), row->key));
  if (suspend) BASE_TRY_VOID(keep_an_operator(amendment.rows(), identity, ledger_.now()));
  BASE_TRY_VOID(amendment.audit({actor, suspend ? "application.suspended" : "application.resumed", identity.to_urn()}));
  amendment.publish(trust::SuspensionFact{identity.environment, identity.organisation, identity.application, suspend});
  BASE_TRY_VOID(amendment.commit());
  return std::move(*row);
}

base::Result<store::ApplicationRow> Directory::set_server_names(const Actor& actor, const base::Identity& identity,
                                                                const std::vector<std::string>& names) {
  BASE_TRY(auto amendment, ledger_.amend());
  BASE_TRY(auto row, store::find_application(amendment.rows(), to_key(identity)));
  if (!row) return unknown_application(identity);
  BASE_TRY(auto parsed, check_server_names(identity, names));
  if (row->server_names == parsed) return std::move(*row);
  row->server_names = std::move(parsed);
  base::json::array listed;
  for (const std::string& name : row->server_names)
    listed.emplace_back(name);
  BASE_TRY_VOID(store::replace_server_names(amendment.rows(), row->key, row->server_names));
  BASE_TRY_VOID(amendment.audit(
      {actor, "application.server_names_changed", identity.to_urn(), {{"server_names", std::move(listed)}}}));
  BASE_TRY_VOID(amendment.commit());
  return std::move(*row);
}

}  // namespace countersign::authority
