#include "gateway/exchange.h"

#include <algorithm>

#include "gateway/chunks.h"
#include "gateway/grpc.h"
#include "gateway/own_answer.h"
#include "gateway/response_fields.h"
#include "gateway/websocket.h"
#include "http/problem.h"

namespace countersign::gateway {
namespace {

constexpr std::size_t kBodyBuffer = 32 * 1024;
/// While a body is still on its way, the response has all the time that the body takes.
constexpr base::Duration kUntilBodyIsSent = std::chrono::hours(24);

/// For a client whose request no upstream has taken.
constexpr int kRetryAfterSeconds = 1;

/// Methods that may be sent again (RFC 9110 section 9.2.2).
bool is_idempotent(const std::string& method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "PUT" || method == "DELETE" ||
         method == "TRACE";
}

/// Methods that give content a meaning, or that we know nothing of; the others do not (RFC 9110 section 9.3).
bool expects_body(const std::string& method) { return !is_idempotent(method) || method == "PUT"; }

/// What became of the request, in words that its sender may read; what was below stays in our log.
base::Error upstream_error(base::Error cause) {
  // Nobody was asked: it says so itself.
  if (cause.code == "gateway.upstream_overloaded" || cause.code == "gateway.upstream_down") return cause;
  const bool late = cause.kind == base::Kind::timeout;
  base::Error error =
      std::move(cause).under(late ? "gateway.upstream_timeout" : "gateway.upstream_failed",
                             late ? "the service behind the gateway did not answer in time"
                                  : "the service behind the gateway cannot be reached or answered wrongly");
  error.kind = late ? base::Kind::timeout : base::Kind::unavailable;
  return error;
}

/// One more open tunnel, for as long as this lives.
class TunnelCount {
 public:
  explicit TunnelCount(UpstreamState::Counts& counts) : counts_(counts) {
    counts_.switched.fetch_add(1, std::memory_order_relaxed);
    counts_.tunnels.fetch_add(1, std::memory_order_relaxed);
  }
  ~TunnelCount() { counts_.tunnels.fetch_sub(1, std::memory_order_relaxed); }
  TunnelCount(const TunnelCount&) = delete;

 private:
  UpstreamState::Counts& counts_;
};

http::Response to_problem(const base::Error& error) {
  if (error.kind == base::Kind::timeout) return http::to_problem(error, 504);
  if (error.code == "gateway.upstream_failed") return http::to_problem(error, 502);
  http::Response problem = http::to_problem(error, 503);
  problem.fields.add("Retry-After", std::to_string(kRetryAfterSeconds));
  return problem;
}

}  // namespace

Exchange::Exchange(ExchangeContext context, ExchangeRequest request, policy::Permit permit)
    : context_(std::move(context)),
      request_(std::move(request)),
      permit_(std::move(permit)),
      call_(std::move(context_.upstream), std::move(context_.addresses)),
      response_alarm_(context_.loop,
                      [this] {
                        response_late_ = true;
                        call_.abort();
                      }),
      may_switch_(request_.route.websocket && context_.client.may_switch() &&
                  context_.client.framing() == http::Framing::none && is_websocket_request(request_.head)),
      gone_(context_.client, [this] { call_.give_up(); }) {}

UpstreamSide& Exchange::take_side() {
  if (call_.connection() != nullptr) return side_.emplace<H1UpstreamSide>(*call_.connection());
  return side_.emplace<H2UpstreamSide>(*call_.stream(), call_.is_over_tls() ? "https" : "http");
}

UpstreamSide& Exchange::upstream() {
  if (auto* h1 = std::get_if<H1UpstreamSide>(&side_)) return *h1;
  return std::get<H2UpstreamSide>(side_);
}

/// What of a trailer goes on: nothing that is not for the upstream, as of a head.
http::Fields Exchange::keep_trailers(const http::Fields& trailers) const {
  http::Fields kept;
  for (const http::Field& field : end_to_end_trailers(trailers)) {
    const bool of_this_hop = request_.head.fields.has_token("Connection", field.name);
    if (!of_this_hop && !permit_.withholds(field.name)) kept.add(field.name, field.value);
  }
  return kept;
}

RequestBody Exchange::make_body() {
  const auto came = [this](std::uint64_t bytes) {
    permit_.received(bytes);
    moved_ = context_.loop.turn_time();
  };
  const auto keeps = [this](const http::Fields& trailers) { return keep_trailers(trailers); };
  // A stream of gRPC may say nothing for long while the other one speaks; relay_response() sees to it that one does.
  RequestBody::Pace pace{.step_time = call_.times().body};
  if (is_stream_) pace = {.step_time = kUntilBodyIsSent, .least_bytes_per_second = 0};
  return RequestBody(context_.loop, context_.client, upstream(), pace, {came, keeps});
}

/// A service that does not look for the body of a GET would take it for the next request, written by the client with
/// any identity it likes (RFC 9110 section 9.3.1). So there is no next one. On HTTP/2 each has a stream of its own.
bool Exchange::is_last_upstream() {
  return !upstream().is_http2() && context_.client.framing() != http::Framing::none &&
         !expects_body(request_.head.method);
}

/// A kept connection that does not take the head is dead, and no whole request went out on it: another one is tried.
net::Task<base::Result<void>> Exchange::send_head() {
  for (;;) {
    if (!call_.connect_now()) BASE_CO_TRY_VOID(co_await call_.connect());
    if (context_.client.is_gone())
      co_return base::fail(base::Kind::unavailable, "http.cut_off", "the client took its request back");
    UpstreamSide& side = take_side();
    is_stream_ = side.is_http2() && is_grpc(request_.head.fields);
    if (!beside_) body_.emplace(make_body());
    const RequestStart start{.head = request_.head,
                             .destination = request_.destination,
                             .framing = context_.client.framing(),
                             .length = context_.client.content_length(),
                             .wants_trailers = context_.client.wants_trailers(),
                             .upgrades = may_switch_ && !side.is_http2(),
                             .closes = is_last_upstream(),
                             .trace = context_.trace,
                             .identity = context_.identity,
                             .permit = permit_};
    auto sent = co_await side.send_head(start, call_.step());
    if (sent || context_.client.is_gone() || !call_.may_send_again(sent.error())) co_return sent;
  }
}

/// Before anything else is written to the client.
net::Task<base::Result<void>> Exchange::invite_body() {
  auto written = co_await context_.client.invite_body(client_step());
  client_failed_ = !written;
  co_return written;
}

void Exchange::hold_response_head() {
  context_.client.hold_head({.head = response_,
                             .framing = upstream().framing(),
                             .length = upstream().content_length(),
                             .close_after = is_last()});
  response_started_ = !context_.client.may_replace_head();
  if (response_started_) outcome_.status = response_.status;
}

/// Until when the next of the response must be there; of a stream, until when either side must have said something.
net::Deadline Exchange::next_of_response() const {
  if (is_stream_) return call_.by(moved_ + call_.times().tunnel);
  if (head_read_) return call_.step();
  return body_->sent_whole() ? call_.response() : call_.until(kUntilBodyIsSent);
}

/// That deadline has passed; but of a stream the other side may have spoken meanwhile.
bool Exchange::is_worth_another_wait(const base::Error& error) const {
  return is_stream_ && error.code == "net.timeout" && !response_late_ && !next_of_response().passed();
}

net::Task<base::Result<http::ResponseHead>> Exchange::read_response_head() {
  return upstream().read_head(request_.head.method, next_of_response());
}

net::Task<base::Result<void>> Exchange::relay_response() {
  auto head = co_await read_response_head();
  while (!head && is_worth_another_wait(head.error()))
    head = co_await read_response_head();
  response_alarm_.cancel();
  head_read_ = head.has_value();
  if (!head && response_late_)
    co_return base::fail(base::Kind::timeout, "net.timeout", "no response followed the whole request");
  if (!head) co_return base::unexpected(std::move(head).error());
  body_->forget();
  if (head->status == 101 && !(may_switch_ && is_websocket_answer(*head)))
    co_return base::fail(base::Kind::unavailable, "gateway.upgrade",
                         "the upstream switched protocols although nobody asked it to");
  call_.answered(head->status);
  if (head->status == 101) co_return co_await switch_protocol(*head);
  response_ = std::move(*head);
  hold_response_head();
  // What came along with the head goes on with it; of most responses that is all.
  const std::string_view ready = upstream().take_buffered_body(kBodyBuffer);
  context_.client.hold(ready);
  note_sent(ready.size());
  if (!upstream().at_end_of_message()) co_return co_await relay_response_body();
  co_return co_await finish_response();
}

void Exchange::note_sent(std::uint64_t bytes) {
  outcome_.body_bytes += bytes;
  permit_.sent(bytes);
  moved_ = context_.loop.turn_time();
}

policy::Now Exchange::now() const {
  const std::chrono::nanoseconds steady = std::chrono::steady_clock::now().time_since_epoch();
  return {steady.count(), context_.clock.now().unix_seconds()};
}

/// A WebSocket may last for days. Its bytes go on for as long as a new request of its partner would be let in.
class Exchange::Meter final : public TunnelMeter {
 public:
  explicit Meter(Exchange& exchange) : exchange_(exchange) {}
  net::Task<base::Result<void>> passed(TunnelWay way, std::uint64_t bytes) override {
    const auto over = exchange_.permit_.go_on(exchange_.now());
    if (way == TunnelWay::up) exchange_.permit_.received(bytes);
    else exchange_.note_sent(bytes);
    if (!over) co_return base::Result<void>();
    const policy::Explanation& why = policy::explanation(over->reason);
    co_return base::fail(base::Kind::denied, std::string(why.code), std::string(why.meaning));
  }
  void end() noexcept override {}

 private:
  Exchange& exchange_;
};

/// From here on bytes are passed on as they are. The connection ends with it, on both sides.
net::Task<base::Result<void>> Exchange::switch_protocol(const http::ResponseHead& head) {
  response_started_ = true;
  outcome_.status = head.status;
  http::HeadWriter text(head.status, head.reason);
  each_of_response(head.fields, context_.client.strict_transport(),
                   [&text](std::string_view name, std::string_view value) { text.add(name, value); });
  text.add_lines(kSwitchLines);
  ClientSide::Switched client = context_.client.switch_protocol();
  const std::string answer = std::move(text).finish();
  auto written = co_await client.stream->write_all(base::as_bytes(answer), client_step());
  client_failed_ = !written;
  if (!written) co_return written;
  const TunnelCount count(call_.counts());
  UpstreamConnection& connection = *upstream().connection();
  Meter meter(*this);
  TunnelEnds ends{*client.stream, *connection.stream, std::move(client.early), connection.reader.take_rest(), &meter};
  const auto tunnel = co_await run_tunnel(context_.loop, context_.log, std::move(ends), call_.times().tunnel);
  context_.log.info("gateway.tunnel_ended",
                    {{"upstream", call_.name()},
                     {"bytes_up", tunnel.to_upstream},
                     {"bytes_down", tunnel.to_client},
                     {"error", tunnel.failure ? base::to_string(call_.explain(*tunnel.failure)) : std::string()}});
  co_return base::Result<void>();
}

net::Task<base::Result<void>> Exchange::write_to_client(std::string_view part) {
  response_started_ = true;
  outcome_.status = response_.status;
  auto written = co_await context_.client.write(part, client_step());
  client_failed_ = !written;
  co_return written;
}

net::Task<base::Result<void>> Exchange::finish_response() {
  response_started_ = true;
  outcome_.status = response_.status;
  if (context_.client.wants_trailers()) context_.client.end_in(end_to_end_trailers(upstream().trailers()));
  auto written = co_await context_.client.finish(client_step());
  client_failed_ = !written;
  outcome_.reusable = written.has_value() && context_.client.may_keep();
  co_return written;
}

/// Writes what is held back, with the first chunk if that is there already; then the rest.
net::Task<base::Result<void>> Exchange::relay_response_body() {
  const auto buffer = std::make_unique_for_overwrite<std::uint8_t[]>(kBodyBuffer);
  const bool chunks = upstream().framing() == http::Framing::chunked;
  if (!chunks || !upstream().has_buffered()) BASE_CO_TRY_VOID(co_await write_to_client({}));
  while (!upstream().at_end_of_message()) {
    const auto count = co_await upstream().read_body_some({buffer.get(), kBodyBuffer}, next_of_response());
    if (!count && is_worth_another_wait(count.error())) continue;
    if (!count) co_return base::unexpected(count.error());
    note_sent(*count);
    if (*count > 0) BASE_CO_TRY_VOID(co_await write_to_client(base::as_text({buffer.get(), *count})));
  }
  co_return co_await finish_response();
}

/// The exchange failed: says so in the log, and to the client where it can still be said.
net::Task<void> Exchange::report_and_answer(base::Error error) {
  call_.abort();
  outcome_.reusable = false;
  if (client_failed_ || context_.client.is_gone()) co_return;
  http::Response problem;
  if (body_ && body_->client_failure()) {
    const base::Error& failure = *body_->client_failure();
    const bool late = failure.kind == base::Kind::timeout;
    problem = http::to_problem(failure, late ? 408 : http::status_of_unreadable(failure).value_or(400));
  } else {
    call_.failed(error);
    error = upstream_error(call_.explain(std::move(error)));
    context_.log.warning(error.code, {{"upstream", call_.name()}, {"error", base::to_string(error)}});
    problem = to_problem(error);
  }
  if (response_started_) {
    context_.client.abort();  // half a response must not look whole
    co_return;
  }
  outcome_.status = problem.status;
  outcome_.refusal = error.code;
  OwnAnswer answer{std::move(problem), request_.head, is_last()};
  outcome_.reusable = co_await write_own_answer(context_.client, std::move(answer), client_step());
}

/// All of the request may be sent again: nothing was done of it (RFC 9113 section 8.7), and all that was read of its
/// body is still there; or its method is idempotent (RFC 9110 section 9.2.2), and no body is involved. The client has
/// seen nothing of a response.
bool Exchange::may_retry(const base::Result<void>& carried) {
  if (carried || response_started_ || client_failed_ || context_.client.is_gone()) return false;
  const bool unprocessed = carried.error().code == "http.unprocessed";
  if (!call_.has_connection() || !(unprocessed || is_idempotent(request_.head.method))) return false;
  if (!body_->exists()) return call_.may_send_again(carried.error());
  if (!unprocessed || !beside_ || !body_->may_send_again()) return false;
  body_->hold_back();  // the stream it was carried to is gone with the next line
  return call_.may_send_again(carried.error());
}

/// Somebody else may use the upstream's connection only when nothing of this exchange is left on it, in either
/// direction: it got every byte of the request, and every byte it sent was of the response.
void Exchange::give_back_upstream() {
  if (!is_last_upstream() && body_->sent_whole() && upstream().may_keep()) call_.give_back();
}

/// The response is complete or there will be none: waits for the body's task, which still borrows this exchange.
net::Task<void> Exchange::end_body() {
  body_->stop();
  if (!body_->sent_whole()) call_.abort();  // it may be in the middle of a write that nobody takes
  context_.client.decline_rest();
  response_alarm_.cancel();
  for (bool ended = false; !ended;) {
    ended = co_await beside_->wait_until_empty(client_step());
    if (!ended) context_.client.abort();
  }
}

net::Task<Exchange::Outcome> Exchange::run() {
  auto carried = co_await send_head();
  if (carried && body_->exists()) {
    carried = co_await invite_body();
    const auto sent = [this] {
      if (!head_read_) response_alarm_.set(is_stream_ ? call_.until(call_.times().tunnel) : call_.response());
    };
    if (carried) {
      beside_.emplace(context_.loop, context_.log);
      beside_->spawn(body_->carry(sent), "gateway.request_body");
    }
  }
  if (carried) carried = co_await relay_response();
  while (may_retry(carried)) {
    carried = co_await send_head();
    if (carried && beside_) co_await body_->send_again(upstream(), call_.step());
    if (carried) carried = co_await relay_response();
  }
  if (!carried) co_await report_and_answer(std::move(carried).error());
  if (beside_) co_await end_body();
  outcome_.reusable = outcome_.reusable && context_.client.request_ended();
  if (carried) give_back_upstream();
  co_return outcome_;
}

}  // namespace countersign::gateway
