// Routes about partners' servers that the provider calls: where they are, and what a check of them found. Operators for
// every organisation, people of partners for their own: no path of theirs names one.
#include <array>
#include <map>

#include "authority/api/json.h"
#include "authority/api/lists.h"
#include "authority/api/routes.h"
#include "authority/ehi/servers.h"
#include "authority/ehi/troubles.h"
#include "base/json_array.h"

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

constexpr int kOutagesShown = 20;

using Troubles = std::map<std::string, std::vector<store::EhiTroubleRow>>;

base::Result<Troubles> troubles_of(Authority& authority, const store::EhiTroubleFilter& filter) {
  BASE_TRY(auto rows, authority.ledger().read());
  BASE_TRY(const auto listed, store::list_ehi_troubles(rows, filter));
  Troubles by_server;
  for (const store::EhiTroubleRow& row : listed)
    by_server[row.server].push_back(row);
  return by_server;
}

void add_words(base::json::object& json, const std::string& code, const std::optional<std::string>& reason) {
  const TroubleWords words = words_for(code, reason);
  json["code"] = code;
  if (reason) json["reason"] = *reason;
  json["meaning"] = words.meaning;
  json["remedy"] = words.remedy;
}

/// How the provider's calls get on there. Nothing where no sender has met trouble.
void add_calls(base::json::object& json, const std::vector<store::EhiTroubleRow>& rows, base::Instant now) {
  const EhiCondition condition = condition_of(rows, {.now = now});
  if (rows.empty()) return;
  base::json::object calls{{"state", name(condition.state)}};
  if (condition.state != EhiCondition::State::unknown) calls["since"] = base::to_rfc3339(condition.since);
  if (condition.is_trouble()) {
    calls["last"] = base::to_rfc3339(condition.last);
    calls["times"] = condition.times;
    add_words(calls, condition.code, condition.reason);
  }
  json["calls"] = std::move(calls);
}

base::json::object outage_json(const store::EhiOutageRow& row) {
  base::json::object json{{"state", row.state}, {"began", base::to_rfc3339(row.began_at)}};
  add_words(json, row.code, row.reason);
  json["told"] = row.refused_told_at || row.unreachable_told_at;
  if (row.ended_at) json["ended"] = base::to_rfc3339(*row.ended_at);
  if (row.ended_by) json["ended_by"] = *row.ended_by;
  return json;
}

/// What each sender says itself: names and addresses of the provider's inside, for operators alone.
base::json::object report_json(const store::EhiTroubleRow& row) {
  base::json::object json{{"sender", row.sender},
                          {"endpoint", row.endpoint},
                          {"calls", row.used_for},
                          {"state", row.state},
                          {"code", row.code},
                          {"detail", row.detail},
                          {"times", row.times},
                          {"first", base::to_rfc3339(row.first_at)},
                          {"last", base::to_rfc3339(row.last_at)},
                          {"heard", base::to_rfc3339(row.heard_at)}};
  if (row.reason) json["reason"] = *row.reason;
  if (row.ended_at) json["ended"] = base::to_rfc3339(*row.ended_at);
  return json;
}

enum class Reader { operator_, partner };

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

/// With how calls get on at each of them; `whose` are the troubles to look through.
base::Result<base::json::object> listed(Authority& authority, const std::vector<EhiServerRow>& rows,
                                        const store::EhiTroubleFilter& whose) {
  BASE_TRY(const auto troubles, troubles_of(authority, whose));
  base::json::array array;
  for (const EhiServerRow& row : rows) {
    base::json::object json = to_json(row);
    const auto found = troubles.find(row.id);
    if (found != troubles.end()) add_calls(json, found->second, authority.ledger().now());
    array.emplace_back(std::move(json));
  }
  return base::json::object{{"servers", std::move(array)}};
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
  BASE_TRY(auto json, listed(authority, rows, {.organisation = organisation.text(), .limit = kTroublesListed}));
  return answer(200, json);
}

base::Result<void> add_history(Authority& authority, const std::string& id, Reader reader, base::json::object& json) {
  BASE_TRY(auto rows, authority.ledger().read());
  BASE_TRY(const auto troubles, store::list_ehi_troubles(rows, {.servers = {id}, .limit = kTroublesOfServer}));
  BASE_TRY(const auto outages, store::list_ehi_outages(rows, id, kOutagesShown));
  add_calls(json, troubles, authority.ledger().now());
  if (!outages.empty()) json["outages"] = base::to_json_array(outages, outage_json);
  if (reader == Reader::operator_ && !troubles.empty()) json["reports"] = base::to_json_array(troubles, report_json);
  return {};
}

/// With the report of the last check, where there is one, and how calls got on.
Answer show(Authority& authority, const Whose& whose, const std::string& id, Reader reader) {
  BASE_TRY(const auto known, servers_of(authority).find(whose.organisation, id));
  base::json::object json = to_json(known.row);
  BASE_TRY_VOID(add_history(authority, id, reader, json));
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
  BASE_TRY(auto json, listed(authority, page.rows, {.limit = kTroublesListed}));
  if (page.end) json["next"] = to_text(ListPlace{page.end->at, page.end->id});
  return answer(200, json);
}
Answer list_any(Authority& authority, const Operator& caller, const Call& call) {
  BASE_TRY(const Whose whose, named_in(caller, call));
  return list(authority, whose.organisation);
}
Answer show_any(Authority& authority, const Operator& caller, const Call& call) {
  BASE_TRY(const Whose whose, named_in(caller, call));
  return show(authority, whose, call.arguments.back(), Reader::operator_);
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
  return show(authority, own(caller), call.arguments.back(), Reader::partner);
}
Answer remove_own(Authority& authority, const Person& caller, const Call& call) {
  return remove(authority, own(caller), call);
}
Answer check_own(Authority& authority, const Person& caller, const Call& call) {
  return ask_for_check(authority, own(caller), call);
}

}  // namespace

#define ANY "/v1/organisations/{organisation}/ehi-servers"
#define OWN "/v1/own-organisation/ehi-servers"
std::span<const Route> ehi_server_routes() {
  static constexpr std::array kRoutes = {
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
  return kRoutes;
}
#undef OWN
#undef ANY

}  // namespace countersign::authority
