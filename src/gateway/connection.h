// Connection: the requests of one verified peer, one after the other, from handshake to close.
#pragma once

#include <functional>

#include "feed/knowledge.h"
#include "gateway/config.h"
#include "gateway/exchange.h"
#include "gateway/metrics.h"
#include "policy/gate.h"
#include "tls/server.h"

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
  tls::Server<tls::VerifiedPeer>& server;
  policy::View& policy;
};

/// Serves `live` until either side closes. Every request is judged again: host, route, whether the peer is
/// still admitted (law 6), and whether the policy permits it. There is no way in without a VerifiedPeer.
net::Task<void> serve_connection(ConnectionContext context, tls::LiveConnection<tls::VerifiedPeer>& live);

}  // namespace countersign::gateway
