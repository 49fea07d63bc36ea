#include "gateway/exchange.h"

#include "gateway/own_answer.h"
#include "http/problem.h"

namespace countersign::gateway {
namespace {

constexpr std::size_t kBodyBuffer = 32 * 1024;
/// While a body is still on its way, the response has all the time that the body takes.
constexpr base::Duration kUntilBodyIsSent = std::chrono::hours(24);

/// Methods that may be sent again on another connection when a kept one turned out dead (RFC 9110 section 9.2.2).
bool is_idempotent(const std::string& method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "PUT" || method == "DELETE" ||
         method == "TRACE";
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

Exchange::Exchange(ExchangeContext context, ExchangeRequest request, policy::Permit permit)
    : context_(context),
      request_(std::move(request)),
      permit_(std::move(permit)),
      response_alarm_(context.loop, [this] {
        response_late_ = true;
        upstream_->socket.abort();
      }) {
  context_.client.when_gone([this] {
    if (upstream_ != nullptr) upstream_->socket.abort();
  });
}

Exchange::~Exchange() { context_.client.when_gone({}); }

std::string Exchange::request_head_text(std::string memory) const {
  http::HeadWriter head(request_.head.method, request_.destination.target, 1, std::move(memory));
  head.add("Host", request_.head.fields.find("Host").value_or(request_.destination.host));
  each_end_to_end(request_.head.fields, [&](const http::Field& field) {
    if (!permit_.withholds(field.name)) head.add(field.name, field.value);
  });
  if (context_.client.framing() == http::Framing::chunked) head.add("Transfer-Encoding", "chunked");
  if (const auto length = context_.client.content_length()) head.add("Content-Length", std::to_string(*length));
  head.add_lines(context_.identity.lines());
  return std::move(head).finish();
}

/// The request goes to `upstream`, beginning with its head.
net::Task<base::Result<void>> Exchange::send_head_to(std::unique_ptr<UpstreamConnection> upstream) {
  upstream_ = std::move(upstream);
  body_.emplace(context_.client, upstream_->socket, context_.config.body_time,
                [this](std::uint64_t bytes) { permit_.received(bytes); });
  upstream_->head = request_head_text(std::move(upstream_->head));
  return upstream_->socket.write_all(base::as_bytes(upstream_->head), step());
}

net::Task<base::Result<void>> Exchange::connect_and_send_head() {
  const net::Deadline deadline = net::Deadline::after(context_.config.upstream_connect_time);
  net::Endpoint endpoint = request_.route.upstream;
  auto connected = co_await context_.upstreams.connect(std::move(endpoint), deadline);
  if (!connected) co_return base::unexpected(std::move(connected).error());
  if (context_.client.is_gone())
    co_return base::fail(base::Kind::unavailable, "http.cut_off", "the client took its request back");
  co_return co_await send_head_to(std::move(*connected));
}

net::Task<base::Result<void>> Exchange::send_head() {
  if (auto idle = context_.upstreams.take_idle(request_.route.upstream)) {
    auto sent = co_await send_head_to(std::move(idle));
    if (sent) co_return sent;
  }
  co_return co_await connect_and_send_head();
}

/// Before anything else is written to the client.
net::Task<base::Result<void>> Exchange::invite_body() {
  auto written = co_await context_.client.invite_body(step());
  client_failed_ = !written;
  co_return written;
}

void Exchange::hold_response_head() {
  const http::H1Reader& reader = upstream_->reader;
  context_.client.hold_head({.head = response_,
                             .framing = reader.framing(),
                             .length = reader.content_length(),
                             .close_after = request_.close_after});
}

net::Task<base::Result<void>> Exchange::relay_response() {
  const base::Duration patience = body_->sent_whole() ? context_.config.upstream_response_time : kUntilBodyIsSent;
  std::string method = request_.head.method;
  auto head = co_await upstream_->reader.read_response_head(std::move(method), net::Deadline::after(patience));
  response_alarm_.cancel();
  if (!head && response_late_)
    co_return base::fail(base::Kind::timeout, "net.timeout", "no response followed the whole request");
  if (!head) co_return base::unexpected(std::move(head).error());
  if (head->status == 101)
    co_return base::fail(base::Kind::unavailable, "gateway.upgrade",
                         "the upstream switched protocols although nobody asked it to");
  response_ = std::move(*head);
  hold_response_head();
  // What came along with the head goes on with it; of most responses that is all.
  const std::string_view ready = upstream_->reader.take_buffered_body(kBodyBuffer);
  context_.client.hold(ready);
  note_sent(ready.size());
  if (!upstream_->reader.at_end_of_message()) co_return co_await relay_response_body();
  co_return co_await finish_response();
}

void Exchange::note_sent(std::uint64_t bytes) {
  outcome_.body_bytes += bytes;
  permit_.sent(bytes);
}

net::Task<base::Result<void>> Exchange::write_to_client(std::string_view part) {
  response_started_ = true;
  outcome_.status = response_.status;
  auto written = co_await context_.client.write(part, step());
  client_failed_ = !written;
  co_return written;
}

net::Task<base::Result<void>> Exchange::finish_response() {
  response_started_ = true;
  outcome_.status = response_.status;
  auto written = co_await context_.client.finish(step());
  client_failed_ = !written;
  outcome_.reusable = written.has_value() && context_.client.may_keep();
  co_return written;
}

/// Writes what is held back, with the first chunk if that is there already; then the rest.
net::Task<base::Result<void>> Exchange::relay_response_body() {
  const auto buffer = std::make_unique_for_overwrite<std::uint8_t[]>(kBodyBuffer);
  const bool chunks = upstream_->reader.framing() == http::Framing::chunked;
  if (!chunks || !upstream_->reader.has_buffered()) BASE_CO_TRY_VOID(co_await write_to_client({}));
  while (!upstream_->reader.at_end_of_message()) {
    const auto count = co_await upstream_->reader.read_body_some({buffer.get(), kBodyBuffer}, step());
    if (!count) co_return base::unexpected(count.error());
    note_sent(*count);
    if (*count > 0) BASE_CO_TRY_VOID(co_await write_to_client(base::as_text({buffer.get(), *count})));
  }
  co_return co_await finish_response();
}

/// The exchange failed: says so in the log, and to the client where it can still be said.
net::Task<void> Exchange::report_and_answer(base::Error error) {
  if (upstream_ != nullptr) upstream_->socket.abort();
  outcome_.reusable = false;
  if (client_failed_ || context_.client.is_gone()) co_return;
  http::Response problem;
  if (body_ && body_->client_failure()) {
    const base::Error& failure = *body_->client_failure();
    const bool late = failure.kind == base::Kind::timeout;
    problem = http::to_problem(failure, late ? 408 : http::status_of_unreadable(failure).value_or(400));
  } else {
    error = upstream_error(std::move(error));
    context_.log.warning("gateway.upstream_failed",
                         {{"upstream", request_.route.upstream.to_string()}, {"error", base::to_string(error)}});
    problem = http::to_problem(error, error.kind == base::Kind::timeout ? 504 : 502);
  }
  if (response_started_) {
    context_.client.abort();  // half a response must not look whole
    co_return;
  }
  outcome_.status = problem.status;
  OwnAnswer answer{std::move(problem), request_.head.method, request_.close_after};
  outcome_.reusable = co_await write_own_answer(context_.client, std::move(answer), step());
}

/// A request without body may be sent again when a kept connection turned out dead before it answered.
bool Exchange::may_retry(const base::Result<void>& carried) const {
  return !carried && !response_started_ && !client_failed_ && upstream_ != nullptr && upstream_->reused &&
         !body_->exists() && is_idempotent(request_.head.method) && carried.error().kind != base::Kind::timeout;
}

/// Somebody else may use the upstream's connection only when nothing of this exchange is left on it, in either
/// direction: it got every byte of the request, and every byte it sent was of the response.
void Exchange::give_back_upstream() {
  const http::H1Reader& reader = upstream_->reader;
  if (body_->sent_whole() && reader.at_end_of_message() && reader.keep_alive() && !reader.has_buffered())
    context_.upstreams.give_back(std::move(upstream_));
}

/// The response is complete or there will be none: waits for the body's task, which still borrows this exchange.
net::Task<void> Exchange::end_body() {
  body_->stop();
  context_.client.decline_rest();
  response_alarm_.cancel();
  for (bool ended = false; !ended;) {
    ended = co_await beside_->wait_until_empty(step());
    if (!ended) context_.client.abort();
  }
}

net::Task<Exchange::Outcome> Exchange::run() {
  auto carried = co_await send_head();
  if (carried && body_->exists()) {
    carried = co_await invite_body();
    const auto sent = [this] { response_alarm_.set(net::Deadline::after(context_.config.upstream_response_time)); };
    if (carried) {
      beside_.emplace(context_.loop, context_.log);
      beside_->spawn(body_->carry(sent), "gateway.request_body");
    }
  }
  if (carried) carried = co_await relay_response();
  if (may_retry(carried)) {
    carried = co_await connect_and_send_head();
    if (carried) carried = co_await relay_response();
  }
  if (!carried) co_await report_and_answer(std::move(carried).error());
  if (beside_) co_await end_body();
  outcome_.reusable = outcome_.reusable && context_.client.request_ended();
  if (carried) give_back_upstream();
  co_return outcome_;
}

}  // namespace countersign::gateway
