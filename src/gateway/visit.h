// Visit: what the requests of one connection share, and the one place that judges a request, whatever version of HTTP
// brought it: is its sender still admitted, where does it go, does the policy permit it, who carries it, what is
// recorded of it.
//
// Lives on its connection's loop and outlives the exchanges of it.
#pragma once

#include <string>

#include "feed/knowledge.h"
#include "gateway/access_records.h"
#include "gateway/config.h"
#include "gateway/exchange.h"
#include "gateway/listener.h"
#include "gateway/metrics.h"
#include "gateway/observe/otlp.h"
#include "gateway/observe/span_exporter.h"
#include "gateway/signing/message_signing.h"
#include "gateway/token/checker.h"
#include "gateway/token_endpoint.h"
#include "gateway/upstream/upstreams.h"
#include "policy/gate.h"

namespace countersign::gateway {

/// What the connections of one worker share; borrowed by each.
struct ConnectionContext {
  net::Loop& loop;
  const GenerationPointer& now;  ///< the newest; a request takes it at its beginning and keeps it
  const feed::Knowledge& knowledge;
  Upstreams& upstreams;
  Metrics& metrics;
  const base::Clock& clock;
  const base::Log& log;
  Listener& listener;  ///< that the connection came in by
  PartnerServer& server;
  policy::View& policy;
  TokenChecker& tokens;
  AuthorityCalls& authority;
  MessageSigning* signing;  ///< may be null
  SpanExporter* spans;      ///< may be null
  AccessRecords& records;
};

class Visit {
 public:
  /// Requests of one connection that we answer ourselves (400, 403, 404, 421, 429) before it is closed: each costs us,
  /// and none costs an upstream.
  static constexpr int kOwnAnswers = 100;

  /// Borrows `live`. `protocol` is what records call the version of HTTP.
  Visit(ConnectionContext context, LivePartner& live, std::string_view protocol);
  ~Visit();
  Visit(const Visit&) = delete;

  /// Serves one request, of which `client` reads the body: judged, carried or answered, counted, recorded. False when
  /// no other request may follow on the connection. A peer no longer admitted gets no answer at all (law 6).
  net::Task<bool> serve(const http::RequestHead& head, ClientSide& client);
  /// Answers what could not be read as a request, where the bytes were wrong; does nothing where the connection failed.
  net::Task<void> refuse_unreadable(base::Error error, ClientSide& client);

  /// We are draining, or the peer was cut: there is to be no further request.
  bool is_ending() const { return live_.cut || live_.last_until || context_.server.draining(); }
  const ConnectionContext& context() const { return context_; }
  const GatewayConfig& config() const { return context_.now->config(); }
  const std::string& application() const { return urn_; }
  const std::string& address() const { return address_; }

 private:
  bool still_admitted(base::Instant at);
  void promise_strict_transport(ClientSide& client, const Generation& by);
  net::Task<Exchange::Outcome> answer(const http::RequestHead& head, const TraceContext& trace, ClientSide& client,
                                      const Generation& by);
  struct Chosen {
    const http::RequestHead& head;
    const Destination& destination;
    const Route& route;
  };
  net::Task<Exchange::Outcome> carry_signed(Chosen chosen, policy::Permit permit, ExchangeContext context,
                                            ClientSide& client);
  net::Task<Exchange::Outcome> answer_token_endpoint(const http::RequestHead& head, std::string path,
                                                     ClientSide& client);
  net::Task<Exchange::Outcome> answer_without_token(const oauth::Refusal& refusal, const Route& route,
                                                    const http::RequestHead& head, ClientSide& client);
  oauth::Checked<std::optional<oauth::BoundToken>> ask_token(const http::RequestHead& head, const Route& route);
  base::Result<policy::Permit, policy::Denial> ask_policy(const http::RequestHead& head, const Destination& destination,
                                                          const Route& route);
  net::Task<Exchange::Outcome> answer_ourselves(http::Response response, const http::RequestHead& head,
                                                ClientSide& client);
  net::Task<Exchange::Outcome> answer_denied(base::Error error, const http::RequestHead& head, ClientSide& client);
  net::Task<Exchange::Outcome> answer_problem(base::Error error, int status, const http::RequestHead& head,
                                              ClientSide& client);
  struct Served {
    const Exchange::Outcome& outcome;
    const TraceContext& trace;
    base::Duration took;
  };
  void record(const http::RequestHead& head, const Served& served) const;
  void export_span(const http::RequestHead& head, const Served& served, const Generation& by);
  const SpanAttributes& connection_attributes();
  const Route* route_of(const http::RequestHead& head, const Generation& by) const;

  ConnectionContext context_;
  LivePartner& live_;
  IdentityFields identity_;
  const std::string_view protocol_;
  const std::string urn_;
  const std::string address_;
  policy::Standing standing_;
  const std::string record_fields_;         ///< what every record of a request says of its connection
  SpanAttributes span_attributes_ = {};     ///< the same of every span; empty until there is one
  std::string_view strict_transport_ = {};  ///< that the site sends by the generation below, which holds it
  std::uint64_t strict_transport_of_ = 0;
  int own_answers_ = 0;
};

}  // namespace countersign::gateway
