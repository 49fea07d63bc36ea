// serve_tcp: a connection whose site says tcp_upstream: after the handshake its bytes go on as they are, both ways.
//
// No byte goes on without a policy::Permit, and none after it is worth nothing any more: the policy is asked again when
// it was replaced, limits of bytes are charged as bytes pass, and a peer that is no longer admitted is cut like any
// other. What one side does not take is not read from the other; what one side ends, the other one is told.
#pragma once

#include "gateway/visit.h"

namespace countersign::gateway {

/// Serves `live` until either side is done with it. One record, `tcp`, says what became of it.
net::Task<void> serve_tcp(ConnectionContext context, LivePartner& live);

/// What a PROXY header says of a verified peer: the server name (PP2_TYPE_AUTHORITY), that a certificate was shown and
/// verified, with its common name (PP2_TYPE_SSL), and the identity as a URN (kIdentityTlv).
std::vector<net::ProxyTlv> identity_tlvs(const tls::VerifiedPeer& peer, const std::string& server_name);
/// Of the range for applications, 0xE0 to 0xEF.
inline constexpr std::uint8_t kIdentityTlv = 0xE0;

}  // namespace countersign::gateway
