#include "gateway/visit.h"

#include "gateway/access.h"
#include "gateway/own_answer.h"
#include "gateway/signed_visit.h"
#include "gateway/tcp_visit.h"
#include "http/problem.h"

namespace countersign::gateway {
namespace {

constexpr int kSwitchingProtocols = 101;
/// Of a request whose client was cut before it was over; as `connection.cut` says why.
constexpr std::string_view kCut = "connection.cut";

policy::Caller caller_of(const LivePartner& live) {
  return live.connection.peer ? policy::Caller::of(*live.connection.peer) : policy::Caller::anonymous();
}

}  // namespace

Visit::Visit(ConnectionContext context, LivePartner& live, std::string_view protocol)
    : context_(context),
      live_(live),
      identity_(live.connection.peer, live.connection.stream->peer().host),
      protocol_(protocol),
      urn_(live.connection.peer ? live.connection.peer->identity().to_urn() : ""),
      address_(live.connection.stream->peer().to_string()),
      standing_(context.policy, caller_of(live), live.connection.stream->peer().host),
      record_fields_(base::Log::prepare(
          {{"protocol", protocol_},
           {"application", urn_},
           {"serial", live.connection.peer ? live.connection.peer->certificate().serial().hex() : std::string()},
           {"listener", context.listener.config().name},
           {"site", live.connection.site->name},
           {"tls", tls_word(live.connection.site->mode())},
           {"address", address_}})) {
  context_.metrics.connection_opened();
}

Visit::~Visit() { context_.metrics.connection_closed(); }

net::Task<bool> Visit::serve(const http::RequestHead& head, ClientSide& client) {
  if (!still_admitted(context_.clock.now())) co_return false;
  const GenerationPointer by = context_.now;
  promise_strict_transport(client, *by);
  const auto started = std::chrono::steady_clock::now();
  const TraceContext trace = TraceContext::continue_or_begin(
      head.fields, {.percent = by->config().trace_sample_percent}, context_.upstreams.dice());
  Exchange::Outcome outcome = co_await answer(head, trace, client, *by);
  if (live_.cut) outcome.refusal = kCut;
  const auto took = std::chrono::duration_cast<base::Duration>(std::chrono::steady_clock::now() - started);
  context_.metrics.request(outcome.status);
  // After an upgrade it is the life of a connection, of minutes and hours, and says nothing of answers.
  if (outcome.status != kSwitchingProtocols) context_.metrics.request_took(took);
  record(head, {outcome, trace, took});
  if (context_.spans != nullptr && context_.spans->is_on()) export_span(head, {outcome, trace, took}, *by);
  // While we drain, a client that was not told to close may send one more: closing now could meet it half-way.
  co_return outcome.reusable && !live_.cut && !live_.last_until;
}

/// Whoever answers, RFC 6797 section 7.1. What the newest generation says is looked up once for each.
void Visit::promise_strict_transport(ClientSide& client, const Generation& by) {
  if (by.number() != strict_transport_of_) {
    const SiteConfig* site = context_.listener.site_config(live_.connection.site->name);
    strict_transport_ = site == nullptr ? std::string_view() : std::string_view(site->strict_transport);
    strict_transport_of_ = by.number();
  }
  client.promise_strict_transport(strict_transport_);
}

/// The registry may have changed since the last request.
bool Visit::still_admitted(base::Instant at) {
  return context_.server.still_admitted(live_, context_.knowledge.registry(), at);
}

net::Task<Exchange::Outcome> Visit::answer(const http::RequestHead& head, const TraceContext& trace, ClientSide& client,
                                           const Generation& by) {
  auto destination = read_destination(head, live_.connection.server_name);
  if (!destination) co_return co_await answer_denied(std::move(destination).error(), head, client);
  const tls::Site& site = *live_.connection.site;
  if (auto here = check_site(context_.listener, site, destination->host); !here)
    co_return co_await answer_denied(std::move(here).error(), head, client);
  if (by.config().token_endpoint && is_token_path(destination->path()))
    co_return co_await answer_token_endpoint(head, std::string(destination->path()), client);
  const Route* route = by.routes().find(context_.listener.config().name, destination->host, destination->path());
  if (route == nullptr) {
    base::Error error{base::Kind::not_found, "gateway.no_route", "nothing is served under this host and path"};
    co_return co_await answer_problem(std::move(error), 404, head, client);
  }
  if (auto known = check_certificate(*route, site, live_.connection.peer); !known)
    co_return co_await answer_denied(std::move(known).error(), head, client);
  auto permit = ask_policy(head, *destination, *route);
  if (!permit) {
    http::Response denial = permit.error().to_response();
    Exchange::Outcome outcome = co_await answer_ourselves(std::move(denial), head, client);
    outcome.refusal = policy::explanation(permit.error().reason).code;
    co_return outcome;
  }
  const auto token = ask_token(head, *route);
  if (!token) co_return co_await answer_without_token(token.error(), *route, head, client);
  std::optional<IdentityFields> with_token;
  if (*token) with_token = identity_.with(**token);
  auto upstream = context_.upstreams.find(route->upstream_name, route->upstream);
  if (upstream == nullptr) {
    base::Error error{base::Kind::internal, "gateway.no_upstream", "the route names an upstream that is not there"};
    co_return co_await answer_problem(std::move(error), 500, head, client);
  }
  const net::Stream& stream = *live_.connection.stream;
  // Not the listener's: that may be a wildcard, which is nobody's address.
  ClientAddresses addresses{stream.peer(), stream.local()};
  if (upstream->settings().send_proxy_identity && live_.connection.peer)
    addresses.more = identity_tlvs(*live_.connection.peer, live_.connection.server_name);
  ExchangeContext exchange_context{.loop = context_.loop,
                                   .config = by.config(),
                                   .upstream = std::move(upstream),
                                   .addresses = std::move(addresses),
                                   .client = client,
                                   .identity = with_token ? *with_token : identity_,
                                   .trace = trace,
                                   .clock = context_.clock,
                                   .log = context_.log};
  if (route->signatures) {
    const Chosen chosen{head, *destination, *route};
    co_return co_await carry_signed(chosen, std::move(*permit), std::move(exchange_context), client);
  }
  Exchange exchange(std::move(exchange_context), {head, *destination, *route, [this] { return is_ending(); }},
                    std::move(*permit));
  const Exchange::Outcome outcome = co_await exchange.run();
  route->counts->note(outcome.status);
  co_return outcome;
}

/// Nothing of a request goes on before its signature is checked.
net::Task<Exchange::Outcome> Visit::carry_signed(Chosen chosen, policy::Permit permit, ExchangeContext context,
                                                 ClientSide& client) {
  SignedVisit visit({.route = chosen.route,
                     .destination = chosen.destination,
                     .head = chosen.head,
                     .peer = live_.connection.peer,
                     .identity = context.identity,
                     .client = client,
                     .signing = context_.signing,
                     .step_time = context.config.body_time});
  auto answer = co_await visit.admit();
  if (answer) {
    // What was carried here is counted, whatever was thought of it.
    permit.received(visit.received());
    co_return co_await answer_ourselves(std::move(*answer), chosen.head, client);
  }
  // Reading the content took its time: the peer may have been cut meanwhile.
  if (!still_admitted(context_.clock.now())) co_return Exchange::Outcome{};
  ExchangeContext signed_context{context.loop,     context.config, context.upstream, context.addresses, visit.client(),
                                 visit.identity(), context.trace,  context.clock,    context.log};
  ExchangeRequest request{visit.head(), chosen.destination, chosen.route, [this] { return is_ending(); }};
  Exchange exchange(signed_context, std::move(request), std::move(permit));
  Exchange::Outcome outcome = co_await exchange.run();
  if (visit.replaced_by()) outcome.status = *visit.replaced_by();
  chosen.route.counts->note(outcome.status);
  co_return outcome;
}

base::Result<policy::Permit, policy::Denial> Visit::ask_policy(const http::RequestHead& head,
                                                               const Destination& destination, const Route& route) {
  const policy::Request asked{.access = route.access,
                              .api_key = route.api_key,
                              .host = destination.host,
                              .method = head.method,
                              .path = destination.path(),
                              .fields = head.fields};
  const std::chrono::nanoseconds steady = context_.loop.turn_time().time_since_epoch();
  return standing_.decide(asked, {steady.count(), context_.clock.now().unix_seconds()});
}

/// This connection may not have it.
net::Task<Exchange::Outcome> Visit::answer_denied(base::Error error, const http::RequestHead& head,
                                                  ClientSide& client) {
  const int status = status_of_denied(error);
  co_return co_await answer_problem(std::move(error), status, head, client);
}

net::Task<Exchange::Outcome> Visit::answer_problem(base::Error error, int status, const http::RequestHead& head,
                                                   ClientSide& client) {
  http::Response problem = http::to_problem(error, status);
  Exchange::Outcome outcome = co_await answer_ourselves(std::move(problem), head, client);
  outcome.refusal = std::move(error.code);
  co_return outcome;
}

/// An answer of our own. A client that collects too many of them is closed.
net::Task<Exchange::Outcome> Visit::answer_ourselves(http::Response response, const http::RequestHead& head,
                                                     ClientSide& client) {
  const bool too_many = ++own_answers_ >= kOwnAnswers;
  const int status = response.status;
  const std::uint64_t bytes = response.body.size();
  OwnAnswer answer{std::move(response), head, too_many || is_ending()};
  const net::Deadline deadline = net::Deadline::after(config().body_time);
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
  const GenerationPointer by = context_.now;
  promise_strict_transport(client, *by);
  const http::RequestHead unread;
  (void)co_await answer_problem(std::move(error), status, unread, client);
}

void Visit::record(const http::RequestHead& head, const Served& served) const {
  if (!config().access_log) return;
  base::Log::Line line = context_.records.begin("request");
  line.text("method", head.method)
      .text("path", std::string_view(head.target).substr(0, head.target.find('?')))
      .text("host", head.fields.find("Host").value_or(""))
      .number("status", served.outcome.status)
      .number("bytes", static_cast<std::int64_t>(served.outcome.body_bytes))
      .number("micros", served.took.count())
      .text("trace", served.trace.trace_id())
      .prepared(record_fields_);
  if (served.outcome.refusal == kCut) line.text("code", kCut);
  context_.records.write(line);
}

}  // namespace countersign::gateway
