#include "authority/api.h"

#include "authority/api_problem.h"

namespace countersign::authority {
namespace {

/// A browser that holds an operator's certificate must not be steered by another site. Browsers send Origin with every
/// such request (Fetch standard, section 3.2); programs do not.
base::Result<void> refuse_other_sites(const http::Request& request) {
  if (request.head.method == "GET" || request.head.method == "HEAD" || request.head.fields.count("Origin") == 0)
    return {};
  return base::fail(base::Kind::denied, "api.cross_site", "operators' calls are not taken from web pages");
}

}  // namespace

base::Result<Api::Work> Api::prepare(const http::Request& request, const ApiCaller& caller) {
  BASE_TRY(const std::string path, request.path());
  BASE_TRY(auto match, find_route(routes_, request.head.method, path));
  BASE_TRY_VOID(gate_.recheck(caller));
  Authority& authority = parts_.authority;
  Call call{request, std::move(match.arguments)};
  if (const auto* open = std::get_if<OpenHandler>(&match.route->handler))
    return Work([&authority, handler = *open, call = std::move(call)] { return handler(authority, call); });
  BASE_TRY(auto caller_operator, Operator::from(caller.peer));
  BASE_TRY_VOID(refuse_other_sites(request));
  return Work([&authority, handler = std::get<OperatorHandler>(match.route->handler), call = std::move(call),
               proof = std::move(caller_operator)] { return handler(authority, proof, call); });
}

net::Task<http::Response> Api::respond(http::Request request, const ApiCaller& caller) {
  const auto work = prepare(request, caller);
  if (!work) co_return to_response(work.error(), parts_.log);
  Answer answer = base::fail(base::Kind::internal, "api.dropped", "the work was not done");
  std::function<void()> job = [&] { answer = (*work)(); };
  co_await parts_.worker.run(parts_.loop, std::move(job));
  if (!answer) co_return to_response(answer.error(), parts_.log);
  co_return std::move(*answer);
}

}  // namespace countersign::authority
