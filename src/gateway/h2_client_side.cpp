#include "gateway/h2_client_side.h"

#include "gateway/response_fields.h"

namespace countersign::gateway {

net::Task<base::Result<void>> H2ClientSide::invite_body(net::Deadline) {
  const bool expected = stream_.head().fields.has_token("Expect", "100-continue");
  if (expected && !stream_.has_buffered()) stream_.send_interim(100);
  co_return base::Result<void>();
}

void H2ClientSide::hold_head(const ResponseStart& start) {
  std::vector<http::FieldView> fields;
  fields.reserve(start.head.fields.size() + 2);
  each_of_response(start.head.fields, strict_transport(), [&fields](std::string_view name, std::string_view value) {
    fields.push_back({name, value});
  });
  std::string length;
  if (start.length) {
    length = std::to_string(*start.length);
    fields.push_back({"content-length", length});
  }
  may_keep_ = !start.close_after;
  const bool empty = start.framing == http::Framing::none;
  stream_.send_head(start.head.status, fields, empty ? http::H2Stream::Body::none : http::H2Stream::Body::follows);
  if (!may_keep_) stream_.end_connection();
}

}  // namespace countersign::gateway
