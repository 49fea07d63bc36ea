// Connection: the requests of one verified peer, from handshake to close, in the version of HTTP it speaks.
//
// h1_connection.cpp and h2_connection.cpp read the requests; what happens to each is one piece of code for both, Visit.
#pragma once

#include "gateway/visit.h"

namespace countersign::gateway {

/// Serves `live` until either side closes. There is no way in without a VerifiedPeer.
net::Task<void> serve_connection(ConnectionContext context, tls::LiveConnection<tls::VerifiedPeer>& live);

/// The same for one version of HTTP each.
net::Task<void> serve_h1(ConnectionContext context, tls::LiveConnection<tls::VerifiedPeer>& live);
net::Task<void> serve_h2(ConnectionContext context, tls::LiveConnection<tls::VerifiedPeer>& live);

/// The end of a connection: says goodbye, then reads and drops a little, so that our last answer is not lost to a
/// reset.
net::Task<void> part_from(tls::LiveConnection<tls::VerifiedPeer>& live);

}  // namespace countersign::gateway
