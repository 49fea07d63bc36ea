#include "authority/doors/problem.h"

#include "authority/acme/problem.h"
#include "authority/est/est.h"
#include "base/json.h"
#include "crypto/digest.h"
#include "http/problem.h"

namespace countersign::authority {
namespace {

constexpr std::size_t kDigestDigits = 8;
/// What a record keeps of a path.
constexpr std::size_t kShownPath = 200;

bool is_our_fault(base::Kind kind) {
  return kind == base::Kind::internal || kind == base::Kind::corrupt || kind == base::Kind::unavailable;
}

http::Response to_response(const base::Error& error, const http::Request& request) {
  if (is_acme(request)) return to_acme_response(error);
  if (error.code == "api.method_not_allowed") return http::to_problem(error, 405);
  if (error.code == "feed.gone") return http::to_problem(error, 410);
  if (is_est(request)) return to_est_problem(error);
  return http::to_problem(error);
}

}  // namespace

http::Response Refusals::answer(const base::Error& error, const http::Request& request, const RefusedCall& call) {
  http::Response response = to_response(error, request);
  const bool is_ours = is_our_fault(error.kind);
  const auto path = request.path();
  base::Fields fields{{"code", error.code},
                      {"status", response.status},
                      {"method", request.head.method},
                      {"route", path ? path->substr(0, kShownPath) : ""},
                      {"listener", call.listener},
                      {"address", call.address},
                      {"caller", call.caller},
                      {"count", ++count_}};
  if (!call.code_digest.empty()) fields.emplace_back("enrolment_code", call.code_digest);
  if (is_ours) fields.emplace_back("error", base::to_string(error));
  log_.event(is_ours ? base::Level::error : base::Level::warning, is_ours ? "api.failed" : "api.refused", fields);
  return response;
}

std::string code_digest_in(const http::Request& request) {
  if (const auto password = basic_password(request))
    return base::to_hex(crypto::sha256(password->reveal())).substr(0, kDigestDigits);
  const auto json = base::parse_json(request.body);
  const auto* object = json ? json->if_object() : nullptr;
  const auto* code = object != nullptr ? object->if_contains("code") : nullptr;
  if (code == nullptr || !code->is_string()) return "";
  const std::string_view text(code->get_string());
  return base::to_hex(crypto::sha256(base::as_bytes(text))).substr(0, kDigestDigits);
}

}  // namespace countersign::authority
