#include "gateway/exchange.h"

#include <algorithm>
#include <cstdio>

#include "http/problem.h"

namespace countersign::gateway {
namespace {

constexpr std::size_t kBodyBuffer = 32 * 1024;
constexpr std::string_view kLastChunk = "0\r\n\r\n";

std::string chunk_size_line(std::size_t size) {
  char line[20];
  std::snprintf(line, sizeof line, "%zx\r\n", size);
  return line;
}

/// Methods that may be sent again on another connection when a kept one turned out dead (RFC 9110 section 9.2.2).
bool is_idempotent(const std::string& method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "PUT" || method == "DELETE" ||
         method == "TRACE";
}

/// Copies what travels end to end: neither hop-by-hop, nor named by Connection, nor reserved for us.
void copy_end_to_end(const http::Fields& from, http::Fields& to) {
  for (const http::Field& field : from) {
    if (is_hop_by_hop_field(field.name) || is_reserved_field(field.name) || from.has_token("Connection", field.name))
      continue;
    to.add(field.name, field.value);
  }
}

base::Error upstream_error(base::Error cause) {
  const bool late = cause.kind == base::Kind::timeout;
  base::Error error =
      std::move(cause).under(late ? "gateway.upstream_timeout" : "gateway.upstream_failed",
                             late ? "the service behind the gateway did not answer in time"
                                  : "the service behind the gateway cannot be reached or answered wrongly");
  error.kind = late ? base::Kind::timeout : base::Kind::unavailable;
  return error;
}

}  // namespace

bool Exchange::has_request_body() const { return context_.client_reader.framing() != http::Framing::none; }

std::string Exchange::request_head_text() const {
  http::RequestHead head;
  head.method = request_.head.method;
  head.target = request_.destination.target;
  copy_end_to_end(request_.head.fields, head.fields);
  head.fields.remove("Expect");  // answered by us when the body is read
  head.fields.remove("Content-Length");
  if (context_.client_reader.framing() == http::Framing::chunked) head.fields.add("Transfer-Encoding", "chunked");
  if (const auto length = context_.client_reader.content_length())
    head.fields.add("Content-Length", std::to_string(*length));
  context_.identity.add_to(head.fields);
  return http::serialise(head);
}

net::Task<base::Result<void>> Exchange::open_and_send_head(bool fresh) {
  const net::Deadline deadline = net::Deadline::after(context_.config.upstream_connect_time);
  net::Endpoint endpoint = request_.route.upstream;
  base::Result<std::unique_ptr<UpstreamConnection>> taken;
  if (fresh) taken = co_await context_.upstreams.connect(std::move(endpoint), deadline);
  else taken = co_await context_.upstreams.take(std::move(endpoint), deadline);
  if (!taken) co_return base::unexpected(std::move(taken).error());
  upstream_ = std::move(*taken);
  const std::string text = request_head_text();
  co_return co_await upstream_->socket.write_all(base::as_bytes(text), net::Deadline::after(context_.config.body_time));
}

net::Task<base::Result<void>> Exchange::send_request() {
  auto sent = co_await open_and_send_head(false);
  if (!sent && upstream_ != nullptr && upstream_->reused) sent = co_await open_and_send_head(true);
  co_return sent;
}

/// Carries the request's body until its end, or until the upstream wants no more of it.
net::Task<void> Exchange::pump_request_body() {
  const bool chunked = context_.client_reader.framing() == http::Framing::chunked;
  std::string out;
  std::array<std::uint8_t, kBodyBuffer> buffer;
  if (request_.head.fields.has_token("Expect", "100-continue")) {
    constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    (void)co_await context_.client.write_all(base::as_bytes(kContinue),
                                             net::Deadline::after(context_.config.body_time));
  }
  while (!upstream_done_) {
    const auto count =
        co_await context_.client_reader.read_body_some(buffer, net::Deadline::after(context_.config.body_time));
    if (!count) {
      request_body_error_ = count.error();
      upstream_->socket.abort();  // a cut-off request must not look whole to the upstream
      co_return;
    }
    out.clear();
    if (chunked && *count > 0) out = chunk_size_line(*count);
    out.append(reinterpret_cast<const char*>(buffer.data()), *count);
    if (chunked) out += *count > 0 ? std::string_view("\r\n") : kLastChunk;
    if (!upstream_done_ && !out.empty()) {
      auto written =
          co_await upstream_->socket.write_all(base::as_bytes(out), net::Deadline::after(context_.config.body_time));
      if (!written) co_return;  // its answer, if any, says why
    }
    if (*count == 0) co_return;
  }
}

/// The head as the client gets it, and the decision how the body is framed.
std::string Exchange::response_head_text() {
  const http::Framing framing = upstream_->reader.framing();
  http::ResponseHead head;
  head.status = response_.status;
  head.reason = response_.reason;
  copy_end_to_end(response_.fields, head.fields);
  const bool client_reads_chunks = request_.head.minor_version >= 1;
  const bool unknown_length = framing == http::Framing::chunked || framing == http::Framing::until_close;
  chunk_response_ = unknown_length && client_reads_chunks;
  if (unknown_length) head.fields.remove("Content-Length");
  if (chunk_response_) head.fields.add("Transfer-Encoding", "chunked");
  client_may_keep_ =
      context_.client_reader.keep_alive() && !request_.close_after && (!unknown_length || chunk_response_);
  if (!client_may_keep_) head.fields.add("Connection", "close");
  else if (request_.head.minor_version == 0) head.fields.add("Connection", "keep-alive");
  return http::serialise(head);
}

net::Task<base::Result<void>> Exchange::relay_response() {
  const net::Deadline deadline = net::Deadline::after(context_.config.upstream_response_time);
  std::string method = request_.head.method;
  auto head = co_await upstream_->reader.read_response_head(std::move(method), deadline);
  if (!head) co_return base::unexpected(std::move(head).error());
  if (head->status == 101)
    co_return base::fail(base::Kind::unavailable, "gateway.upgrade",
                         "the upstream switched protocols although nobody asked it to");
  response_ = std::move(*head);
  std::string text = response_head_text();
  co_return co_await relay_response_body(std::move(text));
}

/// Writes `out` (the head) together with the first bytes of the body, then the rest.
net::Task<base::Result<void>> Exchange::relay_response_body(std::string out) {
  std::array<std::uint8_t, kBodyBuffer> buffer;
  bool more = upstream_->reader.framing() != http::Framing::none;
  while (more || !out.empty()) {
    const bool worth_waiting = !out.empty() && more && upstream_->reader.has_buffered();
    if (more && (out.empty() || worth_waiting)) {
      const auto count =
          co_await upstream_->reader.read_body_some(buffer, net::Deadline::after(context_.config.body_time));
      if (!count) co_return base::unexpected(count.error());
      more = *count > 0;
      outcome_.body_bytes += *count;
      if (chunk_response_ && more) out += chunk_size_line(*count);
      out.append(reinterpret_cast<const char*>(buffer.data()), *count);
      if (chunk_response_) out += more ? std::string_view("\r\n") : kLastChunk;
      if (more && upstream_->reader.at_end_of_message() && !chunk_response_) more = false;
    }
    if (out.empty()) continue;
    response_started_ = true;
    outcome_.status = response_.status;
    auto written =
        co_await context_.client.write_all(base::as_bytes(out), net::Deadline::after(context_.config.body_time));
    client_failed_ = !written;
    if (!written) co_return written;
    out.clear();
  }
  outcome_.reusable = client_may_keep_;
  co_return base::Result<void>();
}

net::Task<void> Exchange::answer(http::Response problem) {
  http::ResponseHead head;
  head.status = problem.status;
  head.reason = http::reason_phrase(problem.status);
  head.fields = problem.fields;
  head.fields.set("Content-Length", std::to_string(problem.body.size()));
  const bool keep =
      context_.client_reader.at_end_of_message() && context_.client_reader.keep_alive() && !request_.close_after;
  if (!keep) head.fields.set("Connection", "close");
  const std::string text = http::serialise(head) + (request_.head.method == "HEAD" ? "" : problem.body);
  outcome_.status = problem.status;
  auto written =
      co_await context_.client.write_all(base::as_bytes(text), net::Deadline::after(context_.config.body_time));
  outcome_.reusable = keep && written.has_value();
}

/// The exchange failed: says so in the log, and to the client where it can still be said.
net::Task<void> Exchange::report_and_answer(base::Error error) {
  if (upstream_ != nullptr) upstream_->socket.abort();
  outcome_.reusable = false;
  if (client_failed_) co_return;
  http::Response problem;
  if (request_body_error_) {
    const bool late = request_body_error_->kind == base::Kind::timeout;
    problem = http::to_problem(*request_body_error_,
                               late ? 408 : http::status_of_unreadable(*request_body_error_).value_or(400));
  } else {
    error = upstream_error(std::move(error));
    context_.log.warning("gateway.upstream_failed",
                         {{"upstream", request_.route.upstream.to_string()}, {"error", base::to_string(error)}});
    problem = http::to_problem(error);
    problem.status = error.kind == base::Kind::timeout ? 504 : 502;
  }
  if (response_started_) context_.client.abort();  // half a response must not look whole
  else co_await answer(std::move(problem));
}

net::Task<Exchange::Outcome> Exchange::run() {
  auto carried = co_await send_request();
  net::TaskGroup pump(context_.loop, context_.log);
  if (carried && has_request_body()) pump.spawn(pump_request_body(), "gateway.request_body");
  if (carried) carried = co_await relay_response();
  const bool retry = !carried && !response_started_ && upstream_ != nullptr && upstream_->reused &&
                     !has_request_body() && is_idempotent(request_.head.method) &&
                     carried.error().kind != base::Kind::timeout;
  if (retry) {
    carried = co_await open_and_send_head(true);
    if (carried) carried = co_await relay_response();
  }
  upstream_done_ = true;
  if (!carried) co_await report_and_answer(std::move(carried).error());
  for (bool ended = false; !ended;) {
    ended = co_await pump.wait_until_empty(net::Deadline::after(context_.config.body_time));
    if (!ended) context_.client.abort();
  }
  const bool request_done = context_.client_reader.at_end_of_message();
  outcome_.reusable = outcome_.reusable && request_done;
  if (carried && request_done && upstream_->reader.keep_alive() && upstream_->reader.at_end_of_message())
    context_.upstreams.give_back(std::move(upstream_));
  co_return outcome_;
}

}  // namespace countersign::gateway
