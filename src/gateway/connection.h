// Connection: the requests of one peer, one after the other, from handshake to close.
#pragma once

#include <functional>

#include "feed/knowledge.h"
#include "gateway/config.h"
#include "gateway/exchange.h"
#include "gateway/listener.h"
#include "gateway/metrics.h"

namespace countersign::gateway {

/// What the connections of one worker share; borrowed by each.
struct ConnectionContext {
  net::Loop& loop;
  const GatewayConfig& config;
  const RouteTable& routes;
  const feed::Knowledge& knowledge;
  UpstreamPool& upstreams;
  Metrics& metrics;
  const base::Clock& clock;
  const base::Log& log;
  Listener& listener;  ///< that the connection came in by
  PartnerServer& server;
};

/// Serves `live` until either side closes. Every request is judged again: host, route, and whether the peer is
/// still admitted (law 6). There is no way to a route that demands a certificate without a VerifiedPeer.
net::Task<void> serve_connection(ConnectionContext context, LivePartner& live);

}  // namespace countersign::gateway
