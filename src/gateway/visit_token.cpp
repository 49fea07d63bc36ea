// What Visit does about access tokens: the endpoints where they are got, and the routes that demand one.
#include "gateway/own_answer.h"
#include "gateway/visit.h"

namespace countersign::gateway {

oauth::Checked<std::optional<oauth::BoundToken>> Visit::ask_token(const http::RequestHead& head, const Route& route) {
  if (!route.token) return std::optional<oauth::BoundToken>();
  // A route that demands one demands a certificate, too: check_certificate() came first.
  if (!live_.connection.peer) return oauth::refuse(oauth::Reason::no_certificate);
  auto token = context_.tokens.check(head.fields, *live_.connection.peer, *route.token, context_.clock.now());
  if (!token) return base::unexpected(std::move(token).error());
  context_.metrics.token_taken();
  return std::optional(std::move(*token));
}

/// One record for each, as for every refusal (law 7). The token itself is in none.
net::Task<Exchange::Outcome> Visit::answer_without_token(const oauth::Refusal& refusal, const Route& route,
                                                         const http::RequestHead& head, ClientSide& client) {
  context_.log.begin(base::Level::warning, "token.refused")
      .text("code", oauth::explanation(refusal.reason).code)
      .text("detail", refusal.detail)
      .text("route", route.path)
      .prepared(record_fields_)
      .write();
  context_.metrics.token_refused(refusal.reason);
  http::Response response = oauth::to_resource_response(refusal, route.token ? route.token->scopes.text() : "");
  Exchange::Outcome outcome = co_await answer_ourselves(std::move(response), head, client);
  outcome.refusal = oauth::explanation(refusal.reason).code;
  co_return outcome;
}

net::Task<Exchange::Outcome> Visit::answer_token_endpoint(const http::RequestHead& head, std::string path,
                                                          ClientSide& client) {
  const net::Deadline deadline = net::Deadline::after(config().body_time);
  TokenRequest request{head, std::move(path), live_.connection.peer, address_, context_.log};
  auto response = co_await answer_token_request(context_.authority, std::move(request), client, deadline);
  if (!response) co_return Exchange::Outcome{};
  if (response->status >= 400) co_return co_await answer_ourselves(std::move(*response), head, client);
  const int status = response->status;
  const std::uint64_t bytes = response->body.size();
  OwnAnswer answer{std::move(*response), head, is_ending()};
  const bool reusable = co_await write_own_answer(client, std::move(answer), deadline);
  co_return Exchange::Outcome{status, reusable, bytes};
}

}  // namespace countersign::gateway
