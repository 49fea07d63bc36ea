#include "gateway/h1_upstream_side.h"

#include "gateway/chunks.h"

namespace countersign::gateway {

net::Task<base::Result<void>> H1UpstreamSide::send_head(const RequestStart& start, net::Deadline deadline) {
  chunks_ = start.framing == http::Framing::chunked;
  http::HeadWriter head(start.head.method, start.destination.target, 1, std::move(connection_.head));
  head.add("Host", start.host());
  start.each_field([&](const std::string& name, const std::string& value) { head.add(name, value); });
  if (chunks_) head.add("Transfer-Encoding", "chunked");
  if (start.length) head.add("Content-Length", std::to_string(*start.length));
  if (start.upgrades) head.add_lines(kSwitchLines);
  else if (start.wants_trailers && !start.closes) head.add_lines(kTrailerLines);
  if (start.closes) head.add("Connection", "close");
  head.add("traceparent", start.trace.field());
  head.add_lines(start.identity.lines());
  connection_.head = std::move(head).finish();
  return connection_.stream->write_all(base::as_bytes(connection_.head), deadline);
}

net::Task<base::Result<void>> H1UpstreamSide::write(std::span<const std::uint8_t> part, net::Deadline deadline) {
  if (!chunks_) return connection_.stream->write_all(part, deadline);
  out_ = chunk_size_line(part.size());
  out_ += base::as_text(part);
  out_ += "\r\n";
  return connection_.stream->write_all(base::as_bytes(out_), deadline);
}

net::Task<base::Result<void>> H1UpstreamSide::finish(const http::Fields&, net::Deadline deadline) {
  const std::string_view end = chunks_ ? kLastChunk : std::string_view();
  return connection_.stream->write_all(base::as_bytes(end), deadline);
}

}  // namespace countersign::gateway
