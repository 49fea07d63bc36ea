#include "authority/oauth/clients.h"

#include <algorithm>

#include "authority/registry/rows.h"
#include "authority/registry/token_facts.h"
#include "base/json_array.h"
#include "oauth/access_token.h"

namespace countersign::authority {
namespace {

using base::Kind;

constexpr const char* kActive = "active";
constexpr const char* kDisabled = "disabled";

tl::unexpected<base::Error> unknown_client(const base::Identity& identity) {
  return base::fail(Kind::not_found, "client.unknown",
                    identity.to_urn() + " is no client: make it one with countersign admin clients set");
}

/// Claims that the authority writes itself stay its own; a value is anything that JSON knows.
base::Result<void> check_claims(const base::json::object& claims) {
  for (const auto& [name, value] : claims)
    if (oauth::is_own_claim(name))
      return base::fail(Kind::invalid, "client.claims",
                        "'" + std::string(name) + "' is a claim that the authority writes itself: choose another name");
  if (base::json::serialize(claims).size() > kClaimsLimit)
    return base::fail(Kind::too_large, "client.claims", "the claims of a client have at most 2048 bytes as JSON");
  return {};
}

base::Result<void> check_rules(const ClientRules& rules) {
  BASE_TRY_VOID(check_claims(rules.claims));
  if (rules.audiences.size() > kAudiencesLimit)
    return base::fail(Kind::too_large, "client.audience", "a client has at most 16 audiences");
  for (const std::string& audience : rules.audiences)
    if (!oauth::is_audience(audience))
      return base::fail(Kind::invalid, "client.audience",
                        "'" + audience.substr(0, 80) +
                            "' is no audience: it is a URI such as https://api.example.com, without a fragment");
  return {};
}

std::vector<std::string> names_of(const std::vector<oauth::Method>& methods) {
  std::vector<std::string> names;
  for (const oauth::Method method : methods)
    names.emplace_back(oauth::name(method));
  return names;
}

base::Result<void> require_partner(store::Transaction& rows, const base::Identity& identity) {
  BASE_TRY(const auto application, store::find_application(rows, to_key(identity)));
  if (!application)
    return base::fail(Kind::not_found, "application.unknown", "there is no application " + identity.to_urn());
  const bool partner =
      identity.environment != base::Environment::internal && !base::is_reserved_organisation(identity.organisation);
  if (partner) return {};
  return base::fail(Kind::invalid, "client.not_partner",
                    "only partners' applications get tokens: the platform's own prove themselves by certificate alone");
}

}  // namespace

base::Result<ClientRules> rules_of(const store::OauthClientRow& row) {
  ClientRules rules;
  for (const std::string& name : row.methods) {
    const auto method = oauth::parse_method(name);
    if (method) rules.methods.push_back(*method);
  }
  auto scopes = oauth::Scopes::of(row.scopes);
  auto claims = base::parse_json(row.claims);
  if (rules.methods.size() != row.methods.size() || !scopes || !claims || !claims->is_object())
    return base::fail(Kind::corrupt, "registry.corrupt", "the rules of a client cannot be read");
  rules.scopes = std::move(*scopes);
  rules.audiences = row.audiences;
  rules.claims = std::move(claims->get_object());
  return rules;
}

base::Result<store::OauthClientRow> Clients::put(const Actor& actor, const base::Identity& identity,
                                                 ClientRules rules) {
  BASE_TRY_VOID(check_rules(rules));
  if (rules.methods.empty()) rules.methods = {oauth::Method::private_key_jwt};
  BASE_TRY(auto amendment, ledger_.amend());
  BASE_TRY_VOID(require_partner(amendment.rows(), identity));
  const base::Instant now = ledger_.now();
  BASE_TRY(const auto known, store::find_oauth_client(amendment.rows(), to_key(identity)));
  store::OauthClientRow row = known.value_or(store::OauthClientRow{
      to_key(identity), kActive, {}, {}, {}, "{}", "{}", std::nullopt, actor.name, now, now, std::nullopt});
  row.methods = names_of(rules.methods);
  row.scopes = rules.scopes.list();
  row.audiences = std::move(rules.audiences);
  row.claims = base::json::serialize(rules.claims);
  row.updated_at = now;
  BASE_TRY_VOID(known ? store::update(amendment.rows(), row) : store::insert(amendment.rows(), row));
  BASE_TRY_VOID(amendment.audit({actor,
                                 known ? "client.changed" : "client.made",
                                 identity.to_urn(),
                                 {{"methods", base::to_json_array(row.methods)},
                                  {"scopes", base::to_json_array(row.scopes)},
                                  {"audiences", base::to_json_array(row.audiences)},
                                  {"claims", rules.claims}}}));
  BASE_TRY_VOID(amendment.commit());
  return row;
}

base::Result<void> Clients::check(const base::Identity& identity, const ClientRules& rules) {
  BASE_TRY_VOID(check_rules(rules));
  BASE_TRY(auto rows, ledger_.read());
  return require_partner(rows, identity);
}

base::Result<store::OauthClientRow> Clients::find(const base::Identity& identity) {
  BASE_TRY(auto rows, ledger_.read());
  BASE_TRY(auto row, store::find_oauth_client(rows, to_key(identity)));
  if (!row) return unknown_client(identity);
  return std::move(*row);
}

base::Result<std::vector<store::OauthClientRow>> Clients::list() {
  BASE_TRY(auto rows, ledger_.read());
  return store::list_oauth_clients(rows, {});
}

base::Result<store::OauthClientRow> Clients::change(const Actor& actor, const base::Identity& identity,
                                                    const char* action) {
  const std::string_view what(action);
  BASE_TRY(auto amendment, ledger_.amend());
  BASE_TRY(auto row, store::find_oauth_client(amendment.rows(), to_key(identity)));
  if (!row) return unknown_client(identity);
  const bool enables = what == "client.enabled";
  if (enables && row->state == kActive) return std::move(*row);
  if (what != "client.tokens_ended") row->state = enables ? kActive : kDisabled;
  row->updated_at = ledger_.now();
  if (!enables) {
    row->cut_at = ledger_.now();
    amendment.publish(feed::TokenCutFact{identity, *row->cut_at, *row->cut_at + kLongestTokenLife});
  }
  BASE_TRY_VOID(store::update(amendment.rows(), *row));
  BASE_TRY_VOID(amendment.audit({actor, action, identity.to_urn()}));
  BASE_TRY_VOID(amendment.commit());
  return std::move(*row);
}

base::Result<store::OauthClientRow> Clients::disable(const Actor& actor, const base::Identity& identity) {
  return change(actor, identity, "client.disabled");
}
base::Result<store::OauthClientRow> Clients::enable(const Actor& actor, const base::Identity& identity) {
  return change(actor, identity, "client.enabled");
}
base::Result<store::OauthClientRow> Clients::end_tokens(const Actor& actor, const base::Identity& identity) {
  return change(actor, identity, "client.tokens_ended");
}

}  // namespace countersign::authority
