#include "oauth/refusal.h"

#include "base/json.h"

namespace countersign::oauth {
namespace {

/// RFC 6749 section 5.2 and RFC 6750 section 3: visible ASCII without quote and backslash.
std::string description_of(const Refusal& refusal) {
  std::string text(explanation(refusal.reason).meaning);
  if (!refusal.detail.empty()) text += " (" + refusal.detail + ")";
  for (char& c : text)
    if (c < 0x20 || c > 0x7e || c == '"' || c == '\\') c = '\'';
  return text;
}

http::Response answer(const Refusal& refusal, std::string_view error) {
  const Explanation& why = explanation(refusal.reason);
  base::json::object body{{"error", error}, {"error_description", description_of(refusal)}, {"code", why.code}};
  http::Response response;
  response.status = why.status;
  response.fields.add("Content-Type", "application/json");
  response.fields.add("Cache-Control", "no-store");
  if (why.status == 503) response.fields.add("Retry-After", "1");
  response.body = base::json::serialize(body);
  return response;
}

}  // namespace

http::Response to_endpoint_response(const Refusal& refusal) {
  const Explanation& why = explanation(refusal.reason);
  http::Response response = answer(refusal, why.error);
  // RFC 6749 section 5.2: a client that tried the Authorization field is told by which scheme; others may be, too.
  if (refusal.reason == Reason::registration_refused)
    response.fields.add("WWW-Authenticate", "Bearer error=\"invalid_token\"");
  else if (why.status == 401) response.fields.add("WWW-Authenticate", "Basic realm=\"countersign\"");
  return response;
}

http::Response to_resource_response(const Refusal& refusal, const std::string& scopes) {
  const Explanation& why = explanation(refusal.reason);
  // RFC 6750 section 3.1: who sent no token at all is told no error but that one is wanted.
  http::Response response = answer(refusal, why.error.empty() ? "invalid_token" : why.error);
  std::string challenge = "Bearer realm=\"countersign\"";
  if (!why.error.empty())
    challenge += ", error=\"" + std::string(why.error) + "\", error_description=\"" + description_of(refusal) + "\"";
  if (!scopes.empty() && (why.error.empty() || refusal.reason == Reason::token_scope))
    challenge += ", scope=\"" + scopes + "\"";
  response.fields.add("WWW-Authenticate", std::move(challenge));
  return response;
}

}  // namespace countersign::oauth
