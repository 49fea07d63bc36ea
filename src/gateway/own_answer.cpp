#include "gateway/own_answer.h"

#include "gateway/grpc.h"

namespace countersign::gateway {

net::Task<bool> write_own_answer(ClientSide& client, OwnAnswer answer, net::Deadline deadline) {
  const bool may_follow = client.request_ended();
  const bool grpc = client.is_http2() && is_grpc(answer.head.fields);
  if (grpc) answer.response = to_grpc(answer.response);
  http::ResponseHead head;
  head.status = answer.response.status;
  head.reason = http::reason_phrase(answer.response.status);
  head.fields = std::move(answer.response.fields);
  head.fields.set("X-Content-Type-Options", "nosniff");  // a refusal is nobody's page, and good for this moment only
  if (!head.fields.find("Cache-Control")) head.fields.set("Cache-Control", "no-store");
  const bool is_empty = grpc || answer.response.status == 204;  // RFC 9110 section 8.6: then no length is told
  const bool has_body = answer.head.method != "HEAD" && !is_empty;
  client.hold_head({.head = head,
                    .framing = has_body ? http::Framing::length : http::Framing::none,
                    .length = is_empty ? std::nullopt : std::optional<std::uint64_t>(answer.response.body.size()),
                    .close_after = answer.close_after,
                    .rest_unread = !may_follow});
  if (has_body) client.hold(answer.response.body);
  const auto written = co_await client.finish(deadline);
  co_return may_follow&& client.may_keep() && written.has_value();
}

}  // namespace countersign::gateway
