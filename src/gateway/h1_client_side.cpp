#include "gateway/h1_client_side.h"

#include <utility>

#include "gateway/chunks.h"
#include "gateway/response_fields.h"

namespace countersign::gateway {

std::string& H1ClientSide::out() {
  if (std::exchange(sent_, false)) out_.clear();
  return out_;
}

net::Task<base::Result<void>> H1ClientSide::invite_body(net::Deadline deadline) {
  const bool expected = request_.minor_version >= 1 && request_.fields.has_token("Expect", "100-continue");
  if (!expected || reader_.has_buffered()) co_return base::Result<void>();
  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  co_return co_await stream_.write_all(base::as_bytes(kContinue), deadline);
}

void H1ClientSide::when_gone(std::function<void()> then) {
  when_gone_ = std::move(then);
  if (!when_gone_) return stream_.when_aborted({});
  stream_.when_aborted([this] {
    aborted_ = true;
    when_gone_();
  });
}

void H1ClientSide::hold_head(const ResponseStart& start) {
  http::HeadWriter head(start.head.status, start.head.reason);
  each_of_response(start.head.fields, strict_transport(),
                   [&head](std::string_view name, std::string_view value) { head.add(name, value); });
  if (start.length) head.add("Content-Length", std::to_string(*start.length));
  const bool unknown_length = start.framing == http::Framing::chunked || start.framing == http::Framing::until_close;
  chunks_ = unknown_length && request_.minor_version >= 1;
  if (chunks_) head.add("Transfer-Encoding", "chunked");
  // Behind a CONNECT may come what its sender meant for somebody else, in the belief that there is a tunnel by now
  // (RFC 9110 section 9.3.6): none of it is a request to us.
  const bool last = start.close_after || start.rest_unread || request_.method == "CONNECT";
  may_keep_ = reader_.keep_alive() && !last && (!unknown_length || chunks_);
  if (!may_keep_) head.add("Connection", "close");
  else if (request_.minor_version == 0) head.add("Connection", "keep-alive");
  out_ = std::move(head).finish();
  sent_ = false;
}

void H1ClientSide::hold(std::string_view part) {
  if (part.empty()) return;
  std::string& text = out();
  if (chunks_) text += chunk_size_line(part.size());
  text += part;
  if (chunks_) text += "\r\n";
}

net::Task<base::Result<void>> H1ClientSide::write(std::string_view part, net::Deadline deadline) {
  if (held() == 0 && !chunks_) return stream_.write_all(base::as_bytes(part), deadline);  // as it is, not copied
  hold(part);
  return send(deadline);
}

net::Task<base::Result<void>> H1ClientSide::finish(net::Deadline deadline) {
  if (chunks_ && trailers_.size() > 0 && wants_trailers()) {
    out() += kLastChunkSize;
    out() += http::to_lines(trailers_) + "\r\n";
  } else if (chunks_) {
    out() += kLastChunk;
  }
  return send(deadline);
}

net::Task<base::Result<void>> H1ClientSide::send(net::Deadline deadline) {
  const std::string& text = out();
  sent_ = true;
  return stream_.write_all(base::as_bytes(text), deadline);
}

}  // namespace countersign::gateway
