#include "gateway/visit.h"

#include "gateway/own_answer.h"
#include "http/problem.h"

namespace countersign::gateway {

Visit::Visit(ConnectionContext context, tls::LiveConnection<tls::VerifiedPeer>& live, std::string_view protocol)
    : context_(context),
      live_(live),
      identity_(live.connection.peer, live.connection.stream->peer().host),
      protocol_(protocol),
      urn_(live.connection.peer.identity().to_urn()),
      address_(live.connection.stream->peer().to_string()),
      record_fields_(base::Log::prepare({{"protocol", protocol_},
                                         {"application", urn_},
                                         {"serial", live.connection.peer.certificate().serial().hex()},
                                         {"address", address_}})) {
  context_.metrics.connection_opened();
}

Visit::~Visit() { context_.metrics.connection_closed(); }

net::Task<bool> Visit::serve(const http::RequestHead& head, ClientSide& client) {
  if (!still_admitted()) co_return false;
  const auto started = std::chrono::steady_clock::now();
  const TraceContext trace = TraceContext::continue_or_begin(
      head.fields, {.percent = context_.config.trace_sample_percent}, context_.upstreams.dice());
  const Exchange::Outcome outcome = co_await answer(head, trace, client);
  const auto took = std::chrono::duration_cast<base::Duration>(std::chrono::steady_clock::now() - started);
  context_.metrics.request(outcome.status);
  context_.metrics.request_took(took);
  record(head, {outcome, trace, took});
  co_return outcome.reusable && !is_ending();
}

/// The registry may have changed since the last request.
bool Visit::still_admitted() {
  return context_.server.still_admitted(live_, context_.knowledge.registry(), context_.clock.now());
}

net::Task<Exchange::Outcome> Visit::answer(const http::RequestHead& head, const TraceContext& trace,
                                           ClientSide& client) {
  auto destination = read_destination(head, live_.connection.server_name);
  if (!destination) {
    const int status = destination.error().code == "gateway.misdirected" ? 421 : 400;
    co_return co_await answer_problem(std::move(destination).error(), status, head.method, client);
  }
  const Route* route = context_.routes.find(destination->host, destination->path());
  if (route == nullptr) {
    base::Error error{base::Kind::not_found, "gateway.no_route", "nothing is served under this host and path"};
    co_return co_await answer_problem(std::move(error), 404, head.method, client);
  }
  auto upstream = context_.upstreams.find(route->upstream_name, route->upstream);
  if (upstream == nullptr) {
    base::Error error{base::Kind::internal, "gateway.no_upstream", "the route names an upstream that is not there"};
    co_return co_await answer_problem(std::move(error), 500, head.method, client);
  }
  const ClientAddresses addresses{live_.connection.stream->peer(), context_.local};
  ExchangeContext exchange_context{context_.loop, context_.config, std::move(upstream), addresses, client,
                                   identity_,     trace,           context_.log};
  Exchange exchange(exchange_context, {head, *destination, *route, context_.server.draining()});
  const Exchange::Outcome outcome = co_await exchange.run();
  route->counts->note(outcome.status);
  co_return outcome;
}

/// An answer of our own. A client that collects too many of them is closed.
net::Task<Exchange::Outcome> Visit::answer_problem(base::Error error, int status, std::string method,
                                                   ClientSide& client) {
  const bool too_many = ++own_answers_ >= kOwnAnswers;
  http::Response problem = http::to_problem(error, status);
  const std::uint64_t bytes = problem.body.size();
  OwnAnswer answer{std::move(problem), std::move(method), too_many || context_.server.draining()};
  const net::Deadline deadline = net::Deadline::after(context_.config.body_time);
  const bool reusable = co_await write_own_answer(client, std::move(answer), deadline);
  co_return Exchange::Outcome{status, reusable, bytes};
}

net::Task<void> Visit::refuse_unreadable(base::Error error, ClientSide& client) {
  if (!error.code.starts_with("http.") || error.code == "http.cut_off") co_return;
  context_.log.info("gateway.bad_request", {{"code", error.code},
                                            {"detail", error.detail},
                                            {"protocol", protocol_},
                                            {"application", urn_},
                                            {"address", address_}});
  const int status = http::status_of_unreadable(error).value_or(400);
  context_.metrics.request(status);
  (void)co_await answer_problem(std::move(error), status, {}, client);
}

void Visit::record(const http::RequestHead& head, const Served& served) const {
  if (!context_.config.access_log) return;
  context_.log.begin(base::Level::info, "request")
      .text("method", head.method)
      .text("path", std::string_view(head.target).substr(0, head.target.find('?')))
      .text("host", head.fields.find("Host").value_or(""))
      .number("status", served.outcome.status)
      .number("bytes", static_cast<std::int64_t>(served.outcome.body_bytes))
      .number("micros", served.took.count())
      .text("trace", served.trace.trace_id())
      .prepared(record_fields_)
      .write();
}

}  // namespace countersign::gateway
