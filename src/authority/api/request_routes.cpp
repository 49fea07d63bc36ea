// Routes by which operators look at what awaits approval, approve it, and refuse it.
#include <array>

#include "authority/api/json.h"
#include "authority/api/routes.h"

namespace countersign::authority {
namespace {

constexpr std::int64_t kDefaultLimit = 100;
constexpr std::int64_t kMostAtOnce = 1000;

Answer list_requests(Authority& authority, const Operator&, const Call& call) {
  store::RequestFilter filter;
  filter.of = {call.request.query("environment").value_or(""), call.request.query("organisation").value_or(""),
               call.request.query("application").value_or("")};
  filter.state = call.request.query("state").value_or("");
  filter.now = authority.clock().now();
  BASE_TRY(const std::int64_t limit, read_number(call.request, {"limit", kDefaultLimit, 1, kMostAtOnce}));
  filter.limit = static_cast<int>(limit);
  BASE_TRY(const auto known, authority.approvals().list(filter));
  base::json::array array;
  for (const KnownRequest& request : known) {
    BASE_TRY(auto json, to_json(request));
    array.emplace_back(std::move(json));
  }
  return answer(200, {{"requests", std::move(array)}});
}

Answer show_request(Authority& authority, const Operator&, const Call& call) {
  BASE_TRY(const auto known, authority.approvals().find(call.arguments[0]));
  BASE_TRY(const auto json, to_json(known));
  return answer(200, json);
}

Answer approve_request(Authority& authority, const Operator& caller, const Call& call) {
  BASE_TRY(const auto body, read_body(call));
  BASE_TRY(auto reader, base::JsonReader::of(body));
  BASE_TRY(const std::string content, reader.text("content_sha256"));
  BASE_TRY(const std::string comment, reader.text_or("comment", ""));
  BASE_TRY_VOID(reader.finish());
  BASE_TRY(const auto known, authority.approvals().approve({caller.identity(), call.arguments[0], content, comment}));
  BASE_TRY(const auto json, to_json(known));
  return answer(200, json);
}

Answer refuse_request(Authority& authority, const Operator& caller, const Call& call) {
  BASE_TRY(const auto body, read_body(call));
  BASE_TRY(auto reader, base::JsonReader::of(body));
  BASE_TRY(const std::string content, reader.text("content_sha256"));
  BASE_TRY(const std::string reason, reader.text("reason"));
  BASE_TRY_VOID(reader.finish());
  BASE_TRY(const auto known, authority.approvals().refuse({caller.identity(), call.arguments[0], content, reason}));
  BASE_TRY(const auto json, to_json(known));
  return answer(200, json);
}

constexpr std::array kRoutes = {
    Route{"GET", "/v1/requests", OperatorHandler{list_requests}},
    Route{"GET", "/v1/requests/{request}", OperatorHandler{show_request}},
    Route{"POST", "/v1/requests/{request}/approve", OperatorHandler{approve_request}},
    Route{"POST", "/v1/requests/{request}/refuse", OperatorHandler{refuse_request}},
};

}  // namespace

std::span<const Route> request_routes() { return kRoutes; }

}  // namespace countersign::authority
