#include "gateway/own_answer.h"

namespace countersign::gateway {

net::Task<bool> write_own_answer(net::Stream& client, const http::H1Reader& reader, OwnAnswer answer,
                                 net::Deadline deadline) {
  const bool keep = !answer.close_after && reader.at_end_of_message() && reader.keep_alive();
  http::ResponseHead head;
  head.status = answer.response.status;
  head.reason = http::reason_phrase(answer.response.status);
  head.fields = std::move(answer.response.fields);
  head.fields.set("Content-Length", std::to_string(answer.response.body.size()));
  head.fields.set("X-Content-Type-Options", "nosniff");  // a refusal is nobody's page, and good for this moment only
  head.fields.set("Cache-Control", "no-store");
  if (!keep) head.fields.set("Connection", "close");
  std::string text = http::serialise(head);
  if (answer.method != "HEAD") text += answer.response.body;
  const auto written = co_await client.write_all(base::as_bytes(text), deadline);
  co_return keep&& written.has_value();
}

}  // namespace countersign::gateway
