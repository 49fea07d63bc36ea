// The OCSP response that a partner's server staples to its handshake (RFC 6066 section 8), and what it means for a
// call. A pure function of bytes and time.
#pragma once

#include "ehi/call_failure.h"

namespace countersign::ehi {

/// An OCSP response that names no end is current for so long; clocks may differ by so much.
inline constexpr base::Duration kStapleWithoutEnd = std::chrono::hours(24);
inline constexpr base::Duration kStapleSkew = std::chrono::minutes(5);

/// Until when a connection to a server with this verified chain and staple may be used. A response that says that the
/// server's certificate is revoked is believed whenever it was signed. One that is old, broken, or of somebody else is
/// as none; one must be there where the endpoint requires it or the certificate says so (RFC 7633). Fails:
/// `ehi.refused` with `revoked`, `ehi.no_staple` saying what was wrong with it.
base::Result<base::Instant, CallFailure> check_staple(const Endpoint& endpoint, const trust::VerifiedChain& chain,
                                                      base::BytesView staple, base::Instant now);

}  // namespace countersign::ehi
