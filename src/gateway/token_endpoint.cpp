#include "gateway/token_endpoint.h"

#include <algorithm>
#include <array>

#include "oauth/form.h"

namespace countersign::gateway {
namespace {

/// The whole body, or nothing where it is longer than any endpoint takes.
net::Task<base::Result<std::optional<std::string>>> read_body(ClientSide& client, net::Deadline deadline) {
  std::string body;
  if (client.content_length().value_or(0) > oauth::kFormLimit) co_return std::optional<std::string>();
  if (client.framing() != http::Framing::none) BASE_CO_TRY_VOID(co_await client.invite_body(deadline));
  std::array<std::uint8_t, 4096> part;
  while (!client.request_ended()) {
    const std::span<std::uint8_t> into(part);
    BASE_CO_TRY(const std::size_t size, co_await client.read_body_some(into, deadline));
    if (size == 0) break;
    body.append(base::as_text(base::BytesView(part).first(size)));
    if (body.size() > oauth::kFormLimit) co_return std::optional<std::string>();
  }
  co_return std::optional<std::string>(std::move(body));
}

/// At most once, and in ASCII.
bool is_once_and_plain(const http::Fields& fields, std::string_view name) {
  const auto value = fields.find(name).value_or("");
  return fields.count(name) <= 1 && std::ranges::all_of(value, [](char c) { return c >= 0x20 && c < 0x7f; });
}

std::string only_field(const http::Fields& fields, std::string_view name) {
  return std::string(fields.find(name).value_or(""));
}

http::Response refuse_request(const TokenRequest& request, std::string detail) {
  const oauth::Refusal refusal{oauth::Reason::malformed_request, std::move(detail)};
  request.log.warning("oauth.refused", {{"code", oauth::explanation(refusal.reason).code},
                                        {"detail", refusal.detail},
                                        {"application", request.peer ? request.peer->identity().to_urn() : ""},
                                        {"address", request.address}});
  return oauth::to_endpoint_response(refusal);
}

}  // namespace

bool is_token_path(std::string_view path) {
  return path.starts_with("/oauth2/") || path == "/.well-known/oauth-authorization-server";
}

net::Task<base::Result<http::Response>> answer_token_request(AuthorityCalls& calls, TokenRequest request,
                                                             ClientSide& client, net::Deadline deadline) {
  const http::Fields& fields = request.head.fields;
  BASE_CO_TRY(std::optional<std::string> body, co_await read_body(client, deadline));
  if (!body) co_return refuse_request(request, "the body has more than 64 KiB");
  for (const char* name : {"Authorization", "Content-Type"})
    if (!is_once_and_plain(fields, name)) co_return refuse_request(request, std::string(name) + " is no one text");
  oauth::RelayedCall call{.method = request.head.method,
                          .path = std::move(request.path),
                          .authorization = only_field(fields, "Authorization"),
                          .content_type = only_field(fields, "Content-Type"),
                          .body = std::move(*body),
                          .address = std::move(request.address),
                          .peer = std::nullopt};
  if (request.peer) call.peer = oauth::RelayedPeer{request.peer->certificate().fingerprint(), request.peer->identity()};
  AuthorityCalls::Asker asker(calls);
  const WhenGone gone(client, [&asker] { asker.give_up(); });
  auto answer = co_await calls.carry(std::move(call), asker);
  if (!answer) co_return base::fail(base::Kind::unavailable, "http.cut_off", "the client was gone while it waited");
  co_return std::move(*answer);
}

}  // namespace countersign::gateway
