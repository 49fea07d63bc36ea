// Exchange: one request of a verified peer carried to its upstream, and the response carried back.
//
// Bodies are streamed both ways at once through fixed buffers: constant memory whatever their size, and no dead-lock
// when an upstream answers before it has read everything.
#pragma once

#include <optional>
#include <variant>

#include "gateway/client_side.h"
#include "gateway/config.h"
#include "gateway/h1_upstream_side.h"
#include "gateway/h2_upstream_side.h"
#include "gateway/identity_fields.h"
#include "gateway/request_body.h"
#include "gateway/route_table.h"
#include "gateway/trace.h"
#include "gateway/upstream/call.h"
#include "gateway/upstream/tunnel.h"
#include "net/alarm.h"
#include "net/loop.h"
#include "policy/gate.h"

namespace countersign::gateway {

/// What an exchange needs of the connection and worker it runs on; borrowed.
struct ExchangeContext {
  net::Loop& loop;
  const GatewayConfig& config;
  std::shared_ptr<Upstream> upstream;
  ClientAddresses addresses;  ///< between whom the client's connection is
  ClientSide& client;
  const IdentityFields& identity;
  const TraceContext& trace;
  const base::Clock& clock;
  const base::Log& log;
};

/// Borrowed from the connection for as long as the exchange lasts.
struct ExchangeRequest {
  const http::RequestHead& head;
  const Destination& destination;
  const Route& route;
  /// Asked when the response begins: are we draining, so that the client is told not to send another request?
  std::function<bool()> is_last = {};
};

class Exchange {
 public:
  /// There is no exchange that the policy did not permit. The permit ends with the exchange.
  Exchange(ExchangeContext context, ExchangeRequest request, policy::Permit permit);
  Exchange(const Exchange&) = delete;

  struct Outcome {
    int status = 0;                ///< sent to the client; 0 when nothing could be sent
    bool reusable = false;         ///< the client's connection may carry another request
    std::uint64_t body_bytes = 0;  ///< of the response
    std::string refusal = {};      ///< the code of why we answered ourselves; empty: the upstream did
  };
  net::Task<Outcome> run();

 private:
  class Meter;
  net::Task<base::Result<void>> send_head();
  net::Task<base::Result<void>> invite_body();
  net::Task<base::Result<void>> relay_response();
  net::Task<base::Result<void>> relay_response_body();
  net::Task<base::Result<void>> switch_protocol(const http::ResponseHead& head);
  net::Task<base::Result<void>> write_to_client(std::string_view part);
  net::Task<base::Result<void>> finish_response();
  net::Task<void> report_and_answer(base::Error error);
  net::Task<void> end_body();
  net::Task<base::Result<http::ResponseHead>> read_response_head();
  UpstreamSide& take_side();
  RequestBody make_body();
  http::Fields keep_trailers(const http::Fields& trailers) const;
  net::Deadline next_of_response() const;
  bool is_worth_another_wait(const base::Error& error) const;
  void hold_response_head();
  void note_sent(std::uint64_t bytes);
  policy::Now now() const;
  bool is_last_upstream();
  bool may_retry(const base::Result<void>& carried);
  bool is_last() const { return request_.is_last && request_.is_last(); }
  void give_back_upstream();
  UpstreamSide& upstream();
  net::Deadline client_step() const { return context_.loop.deadline_in(context_.config.body_time); }

  ExchangeContext context_;
  ExchangeRequest request_;
  policy::Permit permit_;
  UpstreamCall call_;
  std::variant<std::monostate, H1UpstreamSide, H2UpstreamSide> side_;  ///< of what call_ has, once it is connected
  std::optional<RequestBody> body_;                                    ///< once the head was sent
  std::optional<net::TaskGroup> beside_;  ///< carries the body while the response may come back already
  net::Alarm response_alarm_;             ///< set when the upstream has the whole request
  bool response_late_ = false;
  bool head_read_ = false;  ///< of the response
  bool is_stream_ = false;  ///< of gRPC, to an upstream that speaks HTTP/2
  std::chrono::steady_clock::time_point moved_ = context_.loop.turn_time();  ///< a byte, in either direction
  bool may_switch_;  ///< the request asks for a WebSocket, and may have one
  http::ResponseHead response_;
  Outcome outcome_;
  bool response_started_ = false;  ///< a byte of the response was sent to the client
  bool client_failed_ = false;     ///< the client stopped reading: nobody is left to answer
  WhenGone gone_;                  ///< ends the call
};

}  // namespace countersign::gateway
