#include "ehi/outbox_api.h"

#include <algorithm>

#include "base/json.h"
#include "http/problem.h"
#include "http/text.h"

namespace countersign::ehi {
namespace {

using outbox::Message;
using outbox::Outbox;

base::json::object to_json(const Message& message) {
  base::json::object shown{{"id", message.id},
                           {"endpoint", message.content.endpoint},
                           {"idempotency_key", message.content.key},
                           {"kind", message.content.kind},
                           {"state", outbox::name(message.state)},
                           {"attempts", message.attempts},
                           {"accepted_at", base::to_rfc3339(message.accepted_at)},
                           {"expires_at", base::to_rfc3339(message.expires_at)}};
  if (!message.content.order_key.empty()) shown["order"] = message.content.order_key;
  if (message.settled_at) shown["settled_at"] = base::to_rfc3339(*message.settled_at);
  if (!message.last_error.empty()) shown["last_error"] = message.last_error;
  return shown;
}

http::Response not_found() {
  return http::to_problem({base::Kind::not_found, "ehi.no_route",
                           "GET /v1/outbox and /v1/outbox/ID, POST /v1/outbox/ID/replay and /v1/outbox/replay,"
                           " DELETE /v1/outbox/ID"});
}

http::Response not_permitted(std::string_view key) {
  return http::to_problem({base::Kind::denied, "ehi.not_permitted",
                           "you are not named in [ehi] " + std::string(key) + " of the sender's configuration"});
}

std::optional<std::int64_t> parse_id(std::string_view text) {
  const auto id = http::parse_decimal(text);
  return id ? std::optional(static_cast<std::int64_t>(*id)) : std::nullopt;
}

base::Result<Outbox::Query> parse_query(const http::Request& request) {
  Outbox::Query query;
  query.endpoint = request.query("endpoint").value_or("");
  if (const auto state = request.query("state")) {
    query.state = outbox::parse_state(*state);
    if (!query.state) return base::fail(base::Kind::invalid, "ehi.bad_query", "'state' is waiting, delivered or dead");
  }
  const auto after = parse_id(request.query("after").value_or("0"));
  const auto limit = parse_id(request.query("limit").value_or("100"));
  if (!after || !limit || *limit < 1 || *limit > Outbox::kListLimit)
    return base::fail(base::Kind::invalid, "ehi.bad_query", "'after' is an id, 'limit' 1 to 1000");
  query.after = *after;
  query.limit = *limit;
  return query;
}

}  // namespace

/// A path below kPath: an id, "replay", or both.
struct OutboxApi::Ask {
  std::optional<std::int64_t> id = {};
  bool replay = false;

  static std::optional<Ask> parse(std::string_view path) {
    Ask ask;
    path.remove_prefix(kPath.size());
    if (path.ends_with("/replay")) {
      ask.replay = true;
      path.remove_suffix(std::string_view("/replay").size());
    }
    if (path.empty()) return ask;
    ask.id = parse_id(path.substr(1));
    return ask.id && path.starts_with('/') ? std::optional(ask) : std::nullopt;
  }
};

OutboxApi::OutboxApi(const EhiConfig& config, OutboxDesk& desk, Replayed replayed, const base::Clock& clock,
                     const base::Log& log)
    : config_(config), desk_(desk), replayed_(std::move(replayed)), clock_(clock), log_(log) {}

bool OutboxApi::is_for(std::string_view path) {
  return path == kPath || (path.starts_with(kPath) && path[kPath.size()] == '/');
}

bool OutboxApi::may_look(const base::Identity& caller) const { return may(short_name(caller), Role::viewer); }

bool OutboxApi::may(const std::string& who, Role role) const {
  const auto is_in = [&](const std::vector<std::string>& people) {
    return std::ranges::find(people, who) != people.end();
  };
  return is_in(config_.outbox_operators) || (role == Role::viewer && is_in(config_.outbox_viewers));
}

net::Task<http::Response> OutboxApi::answer(base::Identity caller, http::Request request) {
  const std::string who = short_name(caller);
  const auto path = request.path();
  const auto ask = path ? Ask::parse(*path) : std::nullopt;
  const std::string method = request.head.method;
  const bool looks = method == "GET";
  if (!may(who, looks ? Role::viewer : Role::operator_))
    co_return not_permitted(looks ? "outbox_viewers" : "outbox_operators");
  if (!ask) co_return not_found();
  if (looks && !ask->replay && !ask->id) co_return co_await list(std::move(request));
  if (looks && !ask->replay) co_return co_await show(*ask->id);
  if (method == "POST" && ask->replay && ask->id) co_return co_await replay(who, *ask->id);
  if (method == "POST" && ask->replay) co_return co_await replay_dead(who, std::move(request));
  if (method == "DELETE" && ask->id && !ask->replay) co_return co_await discard(who, *ask->id);
  co_return not_found();
}

net::Task<http::Response> OutboxApi::list(http::Request request) {
  auto query = parse_query(request);
  if (!query) co_return http::to_problem(query.error());
  std::function<base::Result<std::vector<Message>>(Outbox&)> work = [query = std::move(*query)](Outbox& outbox) {
    return outbox.list(query);
  };
  const auto listed = co_await desk_.ask(std::move(work));
  if (!listed) co_return http::to_problem(listed.error());
  base::json::array messages;
  for (const Message& message : *listed)
    messages.push_back(to_json(message));
  base::json::object body{{"messages", std::move(messages)}};
  co_return http::json_response(200, base::json::serialize(body));
}

net::Task<http::Response> OutboxApi::show(std::int64_t id) {
  std::function<base::Result<std::optional<Message>>(Outbox&)> work = [id](Outbox& outbox) { return outbox.find(id); };
  const auto found = co_await desk_.ask(std::move(work));
  if (!found) co_return http::to_problem(found.error());
  if (!*found)
    co_return http::to_problem(
        {base::Kind::not_found, "outbox.not_found", "there is no message " + std::to_string(id)});
  base::json::object body = to_json(**found);
  base::json::object fields;
  for (const auto& [name, value] : (*found)->content.fields)
    fields[name] = value;
  body["fields"] = std::move(fields);
  body["body_base64"] = base::to_base64(base::as_bytes((*found)->content.body));
  co_return http::json_response(200, base::json::serialize(body));
}

base::Duration OutboxApi::keep_of(const std::string& endpoint) const {
  const Endpoint* known = config_.find(endpoint);
  return known != nullptr ? known->advice.keep : AdviceRules().keep;
}

net::Task<http::Response> OutboxApi::replay(std::string who, std::int64_t id) {
  std::function<base::Result<std::string>(Outbox&)> work = [this, id](Outbox& outbox) -> base::Result<std::string> {
    BASE_TRY(const auto found, outbox.find(id));
    const std::string endpoint = found ? found->content.endpoint : "";
    BASE_TRY_VOID(outbox.replay(id, keep_of(endpoint), clock_.now()));
    return endpoint;
  };
  const auto replayed = co_await desk_.ask(std::move(work));
  if (!replayed) co_return http::to_problem(replayed.error());
  log_.info("ehi.outbox_replayed", {{"by", who}, {"endpoint", *replayed}, {"id", id}});
  replayed_(*replayed);
  co_return http::json_response(200, base::json::serialize(base::json::object{{"replayed", 1}}));
}

net::Task<http::Response> OutboxApi::replay_dead(std::string who, http::Request request) {
  const std::string endpoint = request.query("endpoint").value_or("");
  if (endpoint.empty())
    co_return http::to_problem({base::Kind::invalid, "ehi.bad_query", "name the endpoint: ?endpoint=NAME"});
  std::function<base::Result<std::int64_t>(Outbox&)> work = [this, endpoint](Outbox& outbox) {
    return outbox.replay_dead(endpoint, keep_of(endpoint), clock_.now());
  };
  const auto replayed = co_await desk_.ask(std::move(work));
  if (!replayed) co_return http::to_problem(replayed.error());
  log_.info("ehi.outbox_replayed", {{"by", who}, {"endpoint", endpoint}, {"messages", *replayed}});
  replayed_(endpoint);
  co_return http::json_response(200, base::json::serialize(base::json::object{{"replayed", *replayed}}));
}

net::Task<http::Response> OutboxApi::discard(std::string who, std::int64_t id) {
  std::function<base::Result<Message>(Outbox&)> work = [id](Outbox& outbox) -> base::Result<Message> {
    BASE_TRY(const auto found, outbox.find(id));
    BASE_TRY_VOID(outbox.discard(id));
    return *found;
  };
  const auto discarded = co_await desk_.ask(std::move(work));
  if (!discarded) co_return http::to_problem(discarded.error());
  log_.warning("ehi.outbox_discarded", {{"by", who},
                                        {"endpoint", discarded->content.endpoint},
                                        {"id", id},
                                        {"key", discarded->content.key},
                                        {"attempts", discarded->attempts}});
  http::Response response;
  response.status = 204;
  co_return response;
}

}  // namespace countersign::ehi
