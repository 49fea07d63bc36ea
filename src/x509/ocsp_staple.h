// What a server stapled to its handshake about its own certificate: an OCSP response (RFC 6066 section 8, RFC 6960),
// read by libcrypto and held against the certificate and its issuer.
#pragma once

#include <optional>

#include "x509/ocsp_response.h"

namespace countersign::x509 {

/// No stapled response that is read is larger.
inline constexpr std::size_t kStapleLimit = 64 * 1024;

struct Staple {
  OcspStatus::Kind status;
  base::Instant this_update;
  std::optional<base::Instant> next_update;
};

struct StapleQuery {
  base::BytesView der;
  const Certificate& leaf;
  const Certificate& issuer;
};

/// What the response says of `leaf`, when it is signed by `issuer` or by a responder of its own choosing (RFC 6960
/// section 4.2.2.2). Whether it is still current is for the caller to say. Fails: `staple.malformed`,
/// `staple.unsuccessful`, `staple.other_certificate`, `staple.bad_signature`.
base::Result<Staple> verify_staple(const StapleQuery& query);

/// Does the certificate say that its server staples one whenever it is asked: TLS feature status_request (RFC 7633)?
bool demands_staple(const Certificate& certificate);

}  // namespace countersign::x509
