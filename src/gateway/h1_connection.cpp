// Requests of HTTP/1.1: one after the other.
#include "gateway/connection.h"
#include "gateway/h1_client_side.h"

namespace countersign::gateway {
namespace {

http::H1Limits limits_of(const GatewayConfig& config) {
  http::H1Limits limits;
  limits.head_time = config.request_head_time;
  return limits;
}

/// Reads one request and serves it. True when another one may follow.
net::Task<bool> serve_one(Visit& visit, LivePartner& live, http::H1Reader& reader) {
  live.idle = true;
  auto head = co_await reader.read_request_head(visit.context().loop.deadline_in(visit.config().idle_time));
  live.idle = false;
  if (!head) {
    const http::RequestHead unread;
    H1ClientSide client(*live.connection.stream, reader, unread, live.cut);
    co_await visit.refuse_unreadable(std::move(head).error(), client);
    co_return false;
  }
  if (!*head) co_return false;
  H1ClientSide client(*live.connection.stream, reader, **head, live.cut);
  co_return co_await visit.serve(**head, client);
}

}  // namespace

net::Task<void> serve_h1(ConnectionContext context, LivePartner& live) {
  Visit visit(context, live, "HTTP/1.1");
  http::H1Reader reader(*live.connection.stream, limits_of(context.now->config()));
  for (bool more = true; more;)
    more = co_await serve_one(visit, live, reader);
  co_await part_from(live);
}

}  // namespace countersign::gateway
