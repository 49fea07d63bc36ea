#include "http/problem.h"

#include "base/check.h"
#include "base/json.h"

namespace countersign::http {

int to_status(base::Kind kind) {
  switch (kind) {
    case base::Kind::invalid: return 400;
    case base::Kind::denied: return 403;
    case base::Kind::not_found: return 404;
    case base::Kind::conflict: return 409;
    case base::Kind::too_large: return 413;
    case base::Kind::timeout: return 504;
    case base::Kind::unavailable: return 503;
    case base::Kind::corrupt: return 500;
    case base::Kind::internal: return 500;
  }
  BASE_UNREACHABLE();
}

std::optional<int> status_of_unreadable(const base::Error& error) {
  if (error.code == "http.malformed" || error.code == "http.ambiguous") return 400;
  if (error.code == "http.head_too_large") return 431;
  if (error.code == "http.body_too_large") return 413;
  if (error.code == "http.head_timeout" || error.code == "http.body_timeout") return 408;
  return std::nullopt;
}

Response to_problem(const base::Error& error) { return to_problem(error, to_status(error.kind)); }

Response to_problem(const base::Error& error, int status) {
  const std::string_view title = reason_phrase(status);
  base::json::object problem;
  problem["type"] = "about:blank";
  problem["title"] = base::json::string(title.data(), title.size());
  problem["status"] = status;
  problem["code"] = error.code;
  if (error.kind != base::Kind::internal && error.kind != base::Kind::corrupt) problem["detail"] = error.detail;
  Response response = json_response(status, base::json::serialize(problem));
  response.fields.set("Content-Type", "application/problem+json");
  return response;
}

base::Error from_problem(const Response& response) {
  base::Error error{base::Kind::unavailable, "http.status", "the answer was " + std::to_string(response.status)};
  for (const base::Kind kind : {base::Kind::invalid, base::Kind::denied, base::Kind::not_found, base::Kind::conflict,
                                base::Kind::too_large, base::Kind::timeout, base::Kind::internal})
    if (to_status(kind) == response.status) error.kind = kind;
  const auto json = base::parse_json(response.body);
  if (!json) return error;
  auto reader = base::JsonReader::of(*json);
  if (!reader) return error;
  if (auto code = reader->text("code")) error.code = std::move(*code);
  if (auto detail = reader->text("detail")) error.detail = std::move(*detail);
  return error;
}

Response json_response(int status, std::string body) {
  Response response;
  response.status = status;
  response.fields.add("Content-Type", "application/json");
  response.body = std::move(body);
  return response;
}

}  // namespace countersign::http
