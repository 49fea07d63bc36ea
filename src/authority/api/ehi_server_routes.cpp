// Routes about partners' servers that the provider calls: where they are, and what a check of them found. Operators for
// every organisation, people of partners for their own: no path of theirs names one.
#include <array>

#include "authority/api/json.h"
#include "authority/api/lists.h"
#include "authority/api/routes.h"
#include "authority/ehi/servers.h"

namespace countersign::authority {
namespace {

using store::EhiServerRow;

EhiServers servers_of(Authority& authority) { return EhiServers(authority.ledger(), authority.random()); }

base::json::object check_json(const EhiServerRow& row) {
  base::json::object json{{"state", *row.check_state}, {"asked_by", row.check_asked_by.value_or("")}};
  if (row.check_asked_at) json["asked"] = base::to_rfc3339(*row.check_asked_at);
  if (row.check_begun_at) json["begun"] = base::to_rfc3339(*row.check_begun_at);
  if (row.check_ended_at) json["ended"] = base::to_rfc3339(*row.check_ended_at);
  if (row.check_error) json["error"] = *row.check_error;
  return json;
}

base::json::object to_json(const EhiServerRow& row) {
  base::json::object json{{"server", row.id},
                          {"organisation", row.organisation},
                          {"environment", row.environment},
                          {"url", row.url},
                          {"created", base::to_rfc3339(row.created_at)},
                          {"created_by", row.created_by}};
  if (row.confirmed_at) {
    json["confirmed"] = base::to_rfc3339(*row.confirmed_at);
    json["confirmed_by"] = row.confirmed_by.value_or("");
  }
  if (row.removed_at) json["removed"] = base::to_rfc3339(*row.removed_at);
  if (row.check_state) json["check"] = check_json(row);
  if (row.check_verdict) json["verdict"] = *row.check_verdict;
  if (row.check_not_tried) json["not_tried"] = *row.check_not_tried;
  return json;
}

/// Whose servers a call is about, and who answers for it.
struct Whose {
  base::Slug organisation;
  Actor actor;
  EhiWord word;
};

base::Result<Whose> named_in(const Operator& caller, const Call& call) {
  BASE_TRY(auto organisation, base::Slug::parse(call.arguments[0]));
  return Whose{std::move(organisation), caller.actor(), EhiWord::of_an_operator};
}

Whose own(const Person& caller) { return {caller.organisation(), caller.actor(), EhiWord::of_the_organisation}; }

base::json::object listed(const std::vector<EhiServerRow>& rows) {
  base::json::array array;
  for (const EhiServerRow& row : rows)
    array.emplace_back(to_json(row));
  return {{"servers", std::move(array)}};
}

Answer add(Authority& authority, const Whose& whose, const Call& call) {
  BASE_TRY(const auto body, read_body(call));
  BASE_TRY(auto reader, base::JsonReader::of(body));
  BASE_TRY(const std::string environment_text, reader.text("environment"));
  BASE_TRY(std::string url, reader.text("url"));
  BASE_TRY_VOID(reader.finish());
  BASE_TRY(const auto environment, base::parse_environment(environment_text));
  const NewEhiServer server{whose.organisation, environment, std::move(url), whose.word};
  BASE_TRY(const auto row, servers_of(authority).add(whose.actor, server));
  return answer(201, to_json(row));
}

Answer list(Authority& authority, const base::Slug& organisation) {
  BASE_TRY(const auto rows, servers_of(authority).list(organisation));
  return answer(200, listed(rows));
}

/// With the report, where there is one.
Answer show(Authority& authority, const Whose& whose, const std::string& id) {
  BASE_TRY(const auto known, servers_of(authority).find(whose.organisation, id));
  base::json::object json = to_json(known.row);
  if (known.report) {
    BASE_TRY(json["report"], base::parse_json(*known.report));
  }
  http::Response response = answer(200, json);
  response.fields.add("Cache-Control", "no-store");
  return response;
}

Answer remove(Authority& authority, const Whose& whose, const Call& call) {
  BASE_TRY_VOID(read_empty_body(call));
  BASE_TRY(const auto row, servers_of(authority).remove(whose.actor, whose.organisation, call.arguments.back()));
  return answer(200, to_json(row));
}

Answer ask_for_check(Authority& authority, const Whose& whose, const Call& call) {
  BASE_TRY_VOID(read_empty_body(call));
  if (!authority.checks_ehi_servers())
    return base::fail(base::Kind::conflict, "ehi_check.off",
                      "this authority checks no servers: its operators switch it on by [authority.ehi_checks] in "
                      "countersign.toml; `countersign check ehi` does it by hand");
  BASE_TRY(const auto row, servers_of(authority).ask_for_check(whose.actor, whose.organisation, call.arguments.back()));
  return answer(202, to_json(row));
}

Answer add_any(Authority& authority, const Operator& caller, const Call& call) {
  BASE_TRY(const Whose whose, named_in(caller, call));
  return add(authority, whose, call);
}
/// A page: ?limit=&after=.
Answer list_all(Authority& authority, const Operator&, const Call& call) {
  BASE_TRY(const int limit, read_limit(call.request));
  BASE_TRY(const auto after, read_list_place(call.request));
  std::optional<store::EhiServerPlace> place;
  if (after) place = store::EhiServerPlace{after->at, after->id};
  BASE_TRY(const auto page, servers_of(authority).list_all(place, limit));
  base::json::object json = listed(page.rows);
  if (page.end) json["next"] = to_text(ListPlace{page.end->at, page.end->id});
  return answer(200, json);
}
Answer list_any(Authority& authority, const Operator& caller, const Call& call) {
  BASE_TRY(const Whose whose, named_in(caller, call));
  return list(authority, whose.organisation);
}
Answer show_any(Authority& authority, const Operator& caller, const Call& call) {
  BASE_TRY(const Whose whose, named_in(caller, call));
  return show(authority, whose, call.arguments.back());
}
Answer confirm_any(Authority& authority, const Operator& caller, const Call& call) {
  BASE_TRY(const Whose whose, named_in(caller, call));
  BASE_TRY_VOID(read_empty_body(call));
  BASE_TRY(const auto row, servers_of(authority).confirm(whose.actor, whose.organisation, call.arguments.back()));
  return answer(200, to_json(row));
}
Answer remove_any(Authority& authority, const Operator& caller, const Call& call) {
  BASE_TRY(const Whose whose, named_in(caller, call));
  return remove(authority, whose, call);
}
Answer check_any(Authority& authority, const Operator& caller, const Call& call) {
  BASE_TRY(const Whose whose, named_in(caller, call));
  return ask_for_check(authority, whose, call);
}

Answer add_own(Authority& authority, const Person& caller, const Call& call) {
  return add(authority, own(caller), call);
}
Answer list_own(Authority& authority, const Person& caller, const Call&) {
  return list(authority, caller.organisation());
}
Answer show_own(Authority& authority, const Person& caller, const Call& call) {
  return show(authority, own(caller), call.arguments.back());
}
Answer remove_own(Authority& authority, const Person& caller, const Call& call) {
  return remove(authority, own(caller), call);
}
Answer check_own(Authority& authority, const Person& caller, const Call& call) {
  return ask_for_check(authority, own(caller), call);
}

#define ANY "/v1/organisations/{organisation}/ehi-servers"
#define OWN "/v1/own-organisation/ehi-servers"
constexpr std::array kRoutes = {
    Route{"GET", "/v1/ehi-servers", OperatorHandler{Right::look, list_all}},
    Route{"POST", ANY, OperatorHandler{Right::enrol, add_any}},
    Route{"GET", ANY, OperatorHandler{Right::look, list_any}},
    Route{"GET", ANY "/{server}", OperatorHandler{Right::look, show_any}},
    Route{"POST", ANY "/{server}/check", OperatorHandler{Right::enrol, check_any}},
    Route{"POST", ANY "/{server}/confirm", OperatorHandler{Right::enrol, confirm_any}},
    Route{"POST", ANY "/{server}/remove", OperatorHandler{Right::enrol, remove_any}},
    Route{"POST", OWN, PersonHandler{PersonRight::request, add_own}},
    Route{"GET", OWN, PersonHandler{PersonRight::look, list_own}},
    Route{"GET", OWN "/{server}", PersonHandler{PersonRight::look, show_own}},
    Route{"POST", OWN "/{server}/check", PersonHandler{PersonRight::request, check_own}},
    Route{"POST", OWN "/{server}/remove", PersonHandler{PersonRight::request, remove_own}},
};
#undef OWN
#undef ANY

}  // namespace

std::span<const Route> ehi_server_routes() { return kRoutes; }

}  // namespace countersign::authority
