// Access: may this connection have this request at all? Asked of every request, after its host and path are clear.
#pragma once

#include "gateway/listener.h"
#include "gateway/route_table.h"

namespace countersign::gateway {

/// A host belongs to one site of a listener, and a connection to the site it was made for: what one decided serves no
/// other (RFC 9110 section 15.5.20), also where the client sent no name. Fails: `gateway.misdirected`.
base::Result<void> check_site(const Listener& listener, const tls::Site& site, const std::string& host);

/// Fails: `gateway.certificate_required` where the route demands that the caller proved who it is, and it did not.
base::Result<void> check_certificate(const Route& route, const tls::Site& site,
                                     const std::optional<tls::VerifiedPeer>& peer);

/// How an error of these, or of read_destination(), is answered.
int status_of_denied(const base::Error& error);

}  // namespace countersign::gateway
