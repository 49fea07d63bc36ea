#include "gateway/h2_upstream_side.h"

namespace countersign::gateway {

net::Task<base::Result<void>> H2UpstreamSide::send_head(const RequestStart& start, net::Deadline) {
  std::vector<http::FieldView> fields;
  fields.reserve(start.head.fields.size() + 16);
  start.each_field([&](const std::string& name, const std::string& value) { fields.push_back({name, value}); });
  std::string length;
  if (start.length) {
    length = std::to_string(*start.length);
    fields.push_back({"content-length", length});
  }
  if (start.wants_trailers) fields.push_back({"te", "trailers"});
  const std::string trace = start.trace.field();
  fields.push_back({"traceparent", trace});
  start.identity.each([&](std::string_view name, std::string_view value) { fields.push_back({name, value}); });
  const auto body =
      start.framing == http::Framing::none ? http::H2ClientStream::Body::none : http::H2ClientStream::Body::follows;
  co_return stream_.send_head({start.head.method, scheme_, start.host(), start.destination.target, fields}, body);
}

}  // namespace countersign::gateway
