#include "http/server.h"

#include <exception>

#include "http/problem.h"
#include "http/text.h"
#include "http/whole_body.h"

namespace countersign::http {
namespace {

constexpr std::size_t kOneWriteBytes = 64 * 1024;  // head and body up to this size leave in one write
constexpr std::size_t kLingerBytes = 256 * 1024;
constexpr std::chrono::seconds kLingerTime{2};
constexpr std::size_t kReadStep = 16 * 1024;

/// Nothing is decided by it.
std::string http_date() { return to_http_date(base::SystemClock().now()); }

bool has_no_body(int status) { return status < 200 || status == 204 || status == 304; }

/// One connection.
class Session {
 public:
  Session(net::Stream& stream, const Handler& handler, const ServerOptions& options)
      : stream_(stream), handler_(handler), options_(options), reader_(stream, options.limits) {}

  net::Task<void> run();

 private:
  net::Task<base::Result<bool>> serve_one();
  net::Task<base::Result<std::string>> read_body(const RequestHead& head);
  net::Task<base::Result<void>> answer_expectation(const RequestHead& head);
  net::Task<Response> call(Request request);
  net::Task<base::Result<void>> write(Response response, const std::string& method, bool keep);
  net::Task<void> linger();
  bool is_cut() const { return options_.is_cut != nullptr && options_.is_cut(); }

  net::Stream& stream_;
  const Handler& handler_;
  const ServerOptions& options_;
  H1Reader reader_;
  std::exception_ptr thrown_;
};

net::Task<void> Session::run() {
  for (;;) {
    base::Result<bool> another = co_await serve_one();
    if (is_cut()) break;
    if (another && *another) continue;
    if (!another) {
      const std::optional<int> status = status_of_unreadable(another.error());
      if (!status) break;
      Response problem = to_problem(another.error(), *status);
      const std::string method = "GET";
      if (!co_await write(std::move(problem), method, false)) break;
    }
    co_await linger();
    break;
  }
  if (thrown_) std::rethrow_exception(thrown_);  // answered with 500; logged by whoever spawned us
}

/// May another request follow?
net::Task<base::Result<bool>> Session::serve_one() {
  const net::Deadline idle = net::Deadline::after(options_.idle_time);
  BASE_CO_TRY(std::optional<RequestHead> head, co_await reader_.read_request_head(idle));
  if (!head) co_return false;
  if (options_.on_busy != nullptr) options_.on_busy(true);
  BASE_CO_TRY(std::string body, co_await read_body(*head));
  const std::string method = head->method;
  Request request;
  request.head = std::move(*head);
  request.body = std::move(body);
  Response response = co_await call(std::move(request));
  if (is_cut()) co_return false;
  const bool draining = options_.draining != nullptr && options_.draining();
  const bool keep = reader_.keep_alive() && !draining && !thrown_;
  BASE_CO_TRY_VOID(co_await write(std::move(response), method, keep));
  if (options_.on_busy != nullptr) options_.on_busy(false);
  co_return keep;
}

/// RFC 9110 section 10.1.1. A client that sent the body already needs no invitation.
net::Task<base::Result<void>> Session::answer_expectation(const RequestHead& head) {
  const bool expected = head.minor_version == 1 && head.fields.has_token("Expect", "100-continue");
  if (!expected || reader_.at_end_of_message() || reader_.has_buffered()) co_return base::Result<void>();
  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  const net::Deadline deadline = net::Deadline::after(options_.write_time);
  co_return co_await stream_.write_all(base::as_bytes(kContinue), deadline);
}

net::Task<base::Result<std::string>> Session::read_body(const RequestHead& head) {
  const auto too_large = [&] {
    return base::fail(base::Kind::too_large, "http.body_too_large",
                      "the body is larger than " + std::to_string(options_.body_bytes) + " bytes");
  };
  if (reader_.content_length().value_or(0) > options_.body_bytes) co_return too_large();
  BASE_CO_TRY_VOID(co_await answer_expectation(head));
  const net::Deadline deadline = net::Deadline::after(options_.body_time);
  WholeBody body(options_.body_bytes);
  while (!reader_.at_end_of_message()) {
    base::Result<std::size_t> got = co_await reader_.read_body_some(body.space(), deadline);
    if (!got && got.error().code == "net.timeout")
      co_return base::fail(base::Kind::timeout, "http.body_timeout", "the body did not arrive in time");
    if (!got) co_return base::unexpected(std::move(got).error());
    body.took(*got);
    if (body.is_too_large()) co_return too_large();
  }
  co_return std::move(body).take();
}

net::Task<Response> Session::call(Request request) {
  try {
    co_return co_await handler_(std::move(request));
  } catch (...) {
    thrown_ = std::current_exception();
  }
  co_return to_problem(
      base::Error{base::Kind::internal, "http.handler_failed", "the request could not be handled", nullptr});
}

net::Task<base::Result<void>> Session::write(Response response, const std::string& method, bool keep) {
  ResponseHead head;
  head.status = response.status;
  head.reason = reason_phrase(response.status);
  head.fields = std::move(response.fields);
  for (const std::string_view framing : {"Content-Length", "Transfer-Encoding", "Connection", "Date"})
    head.fields.remove(framing);
  head.fields.add("Date", http_date());
  if (!has_no_body(response.status)) head.fields.add("Content-Length", std::to_string(response.body.size()));
  if (!keep) head.fields.add("Connection", "close");
  std::string text = serialise(head);
  const bool with_body = method != "HEAD" && !has_no_body(response.status);
  const bool together = with_body && response.body.size() <= kOneWriteBytes;
  if (together) text += response.body;
  const net::Deadline deadline = net::Deadline::after(options_.write_time);
  BASE_CO_TRY_VOID(co_await stream_.write_all(base::as_bytes(text), deadline));
  if (!with_body || together) co_return base::Result<void>();
  co_return co_await stream_.write_all(base::as_bytes(response.body), deadline);
}

/// Closes our side, then drops what the client still sends, so that its system does not throw our answer away because
/// of a reset (RFC 9112 section 9.6). Bounded in bytes and time.
net::Task<void> Session::linger() {
  const net::Deadline deadline = net::Deadline::after(kLingerTime);
  co_await stream_.finish(deadline);
  base::Bytes dropped(kReadStep);
  for (std::size_t total = 0; total < kLingerBytes;) {
    const base::Result<std::size_t> got = co_await stream_.read_some(dropped, deadline);
    if (!got || *got == 0) break;
    total += *got;
  }
}

}  // namespace

net::Task<void> serve(net::Stream& stream, const Handler& handler, const ServerOptions& options) {
  Session session(stream, handler, options);
  co_await session.run();
}

}  // namespace countersign::http
