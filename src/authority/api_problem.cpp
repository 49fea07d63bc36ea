#include "authority/api_problem.h"

#include "http/problem.h"

namespace countersign::authority {

http::Response to_response(const base::Error& error, const base::Log& log) {
  const bool is_ours =
      error.kind == base::Kind::internal || error.kind == base::Kind::corrupt || error.kind == base::Kind::unavailable;
  if (is_ours) log.error("api.failed", {{"code", error.code}, {"error", base::to_string(error)}});
  if (error.code == "api.method_not_allowed") return http::to_problem(error, 405);
  if (error.code == "feed.gone") return http::to_problem(error, 410);
  return http::to_problem(error);
}

}  // namespace countersign::authority
