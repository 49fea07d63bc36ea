// Which requests become spans, and the span of a handshake that we refused. (That of a request is made by Visit.)
#pragma once

#include <string>

#include "gateway/observe/otlp.h"
#include "gateway/observe/telemetry_settings.h"
#include "gateway/trace.h"
#include "tls/handshake.h"

namespace countersign::gateway {

/// `percent`: of the traces that callers began, where the settings do not leave it to them.
bool is_exported(const TraceContext& trace, const TelemetrySettings& settings, unsigned percent);

struct RefusedAt {
  const net::Endpoint& client;
  const std::string& listener;
  base::Instant ended;
  base::Duration took;
};
/// A trace of its own: before there is a request, nobody has said which one it belongs to. `failure` is a refusal.
std::string span_of_refusal(const tls::HandshakeFailure& failure, const RefusedAt& at, Dice& dice);

}  // namespace countersign::gateway
