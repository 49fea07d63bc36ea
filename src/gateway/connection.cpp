#include "gateway/connection.h"

#include "gateway/access.h"
#include "gateway/own_answer.h"
#include "http/problem.h"

namespace countersign::gateway {
namespace {

constexpr base::Duration kLingerTime = std::chrono::seconds(2);
constexpr std::size_t kLingerBytes = 1024 * 1024;
/// Requests of one connection that we answer ourselves (400, 404, 421) before it is closed.
constexpr int kOwnAnswers = 100;

/// One connection's state; its methods are the steps of a request.
class Session {
 public:
  Session(ConnectionContext context, LivePartner& live)
      : context_(context),
        live_(live),
        connection_(live.connection),
        identity_(connection_.peer, connection_.stream->peer().host),
        urn_(connection_.peer ? connection_.peer->identity().to_urn() : ""),
        serial_(connection_.peer ? connection_.peer->certificate().serial().hex() : ""),
        address_(connection_.stream->peer().to_string()),
        reader_(*connection_.stream, limits(context.config)) {
    context_.metrics.connection_opened();
  }
  ~Session() { context_.metrics.connection_closed(); }

  net::Task<void> run() {
    for (bool more = true; more;)
      more = co_await serve_one();
    co_await close();
  }

 private:
  static http::H1Limits limits(const GatewayConfig& config) {
    http::H1Limits limits;
    limits.head_time = config.request_head_time;
    return limits;
  }

  /// True when another request may follow.
  net::Task<bool> serve_one() {
    live_.idle = true;
    auto head = co_await reader_.read_request_head(net::Deadline::after(context_.config.idle_time));
    live_.idle = false;
    if (!head) {
      co_await refuse_unreadable(std::move(head).error());
      co_return false;
    }
    if (!*head) co_return false;
    if (!still_admitted()) co_return false;
    const base::Instant started = context_.clock.now();
    const Exchange::Outcome outcome = co_await answer(**head);
    context_.metrics.request(outcome.status);
    record(**head, outcome, started);
    co_return outcome.reusable && !live_.cut && !context_.server.draining();
  }

  /// The registry may have changed since the last request; a peer no longer admitted gets no answer at all.
  bool still_admitted() {
    return context_.server.still_admitted(live_, context_.knowledge.registry(), context_.clock.now());
  }

  net::Task<Exchange::Outcome> answer(const http::RequestHead& head) {
    auto destination = read_destination(head, connection_.server_name);
    if (!destination) {
      const int status = status_of_denied(destination.error());
      co_return co_await answer_problem(std::move(destination).error(), status, head.method);
    }
    if (auto here = check_site(context_.listener, *connection_.site, destination->host); !here) {
      const int status = status_of_denied(here.error());
      co_return co_await answer_problem(std::move(here).error(), status, head.method);
    }
    const Route* route = context_.routes.find(context_.listener.config().name, destination->host, destination->path());
    if (route == nullptr) {
      base::Error error{base::Kind::not_found, "gateway.no_route", "nothing is served under this host and path"};
      co_return co_await answer_problem(std::move(error), 404, head.method);
    }
    if (auto known = check_certificate(*route, *connection_.site, connection_.peer); !known) {
      const int status = status_of_denied(known.error());
      co_return co_await answer_problem(std::move(known).error(), status, head.method);
    }
    ExchangeContext exchange_context{context_.loop, context_.config, context_.upstreams, *connection_.stream,
                                     reader_,       identity_,       context_.log};
    Exchange exchange(exchange_context, {head, *destination, *route, context_.server.draining()});
    co_return co_await exchange.run();
  }

  /// An answer of our own. A client that collects too many of them is closed: each costs us, and none costs an
  /// upstream.
  net::Task<Exchange::Outcome> answer_problem(base::Error error, int status, std::string method) {
    const bool too_many = ++own_answers_ >= kOwnAnswers;
    http::Response problem = http::to_problem(error, status);
    const std::uint64_t bytes = problem.body.size();
    OwnAnswer answer{std::move(problem), std::move(method), too_many || context_.server.draining()};
    const net::Deadline deadline = net::Deadline::after(context_.config.body_time);
    const bool reusable = co_await write_own_answer(*connection_.stream, reader_, std::move(answer), deadline);
    co_return Exchange::Outcome{status, reusable, bytes};
  }

  /// What could not be read as a request gets one answer if the bytes were wrong, and none if the connection failed.
  net::Task<void> refuse_unreadable(base::Error error) {
    if (!error.code.starts_with("http.") || error.code == "http.cut_off") co_return;
    context_.log.info("gateway.bad_request",
                      {{"code", error.code}, {"detail", error.detail}, {"application", urn_}, {"address", address_}});
    const int status = http::status_of_unreadable(error).value_or(400);
    context_.metrics.request(status);
    (void)co_await answer_problem(std::move(error), status, {});
  }

  void record(const http::RequestHead& head, const Exchange::Outcome& outcome, base::Instant started) const {
    if (!context_.config.access_log) return;
    context_.log.info("request", {{"method", head.method},
                                  {"path", std::string_view(head.target).substr(0, head.target.find('?'))},
                                  {"host", head.fields.find("Host").value_or("")},
                                  {"status", outcome.status},
                                  {"bytes", outcome.body_bytes},
                                  {"micros", (context_.clock.now() - started).count()},
                                  {"application", urn_},
                                  {"serial", serial_},
                                  {"listener", context_.listener.config().name},
                                  {"site", connection_.site->name},
                                  {"tls", tls_word(connection_.site->mode())},
                                  {"address", address_}});
  }

  /// Says goodbye, then reads and drops a little, so that our last answer is not lost to a reset.
  net::Task<void> close() {
    const net::Deadline deadline = net::Deadline::after(kLingerTime);
    co_await connection_.stream->finish(deadline);
    std::array<std::uint8_t, 8192> dropped;
    for (std::size_t total = 0; total < kLingerBytes && !live_.cut;) {
      const auto count = co_await connection_.stream->read_some(dropped, deadline);
      if (!count || *count == 0) break;
      total += *count;
    }
    connection_.stream->abort();
  }

  ConnectionContext context_;
  LivePartner& live_;
  tls::Connection<std::optional<tls::VerifiedPeer>>& connection_;
  IdentityFields identity_;
  // What every record of a request says of its connection.
  const std::string urn_;
  const std::string serial_;
  const std::string address_;
  http::H1Reader reader_;
  int own_answers_ = 0;
};

}  // namespace

net::Task<void> serve_connection(ConnectionContext context, LivePartner& live) {
  Session session(context, live);
  co_await session.run();
}

}  // namespace countersign::gateway
