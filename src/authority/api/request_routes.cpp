// Routes by which operators look at what awaits approval, approve it, and refuse it.
#include <array>

#include "authority/api/lists.h"

namespace countersign::authority {
namespace {

Answer list_requests(Authority& authority, const Operator&, const Call& call) {
  return answer_requests(authority, call, application_filter_in(call.request));
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

}  // namespace

std::span<const Route> request_routes() {
  static constexpr std::array kRoutes = {
      Route{"GET", "/v1/requests", OperatorHandler{Right::look, list_requests}},
      Route{"GET", "/v1/requests/{request}", OperatorHandler{Right::look, show_request}},
      Route{"POST", "/v1/requests/{request}/approve", OperatorHandler{Right::approve, approve_request}},
      Route{"POST", "/v1/requests/{request}/refuse", OperatorHandler{Right::approve, refuse_request}},
  };
  return kRoutes;
}

}  // namespace countersign::authority
