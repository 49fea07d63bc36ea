// What a server staples to its handshake about its own certificate: an OCSP response (RFC 6066 section 8, RFC 6960),
// asked for, and read by libcrypto and held against the certificate and its issuer.
#pragma once

#include <optional>

#include "x509/ocsp_response.h"

namespace countersign::x509 {

/// No stapled response that is read is larger.
inline constexpr std::size_t kStapleLimit = 64 * 1024;
/// Nor any of our own: libssl as a client of TLS 1.2 refuses those of more than 16 KiB, Java of more than 32 KiB.
inline constexpr std::size_t kOwnStapleLimit = 8 * 1024;

struct Staple {
  OcspStatus::Kind status;
  base::Instant this_update;
  std::optional<base::Instant> next_update;
  base::Instant signer_until;  ///< the last second of the certificate whose key signed it: nobody believes it after
};

struct StapleQuery {
  base::BytesView der;
  const Certificate& leaf;
  const Certificate& issuer;
  /// Then the certificate that signed must be valid; nothing: its dates are not looked at.
  std::optional<base::Instant> at = {};
};

/// What the response says of `leaf`, when it is signed by `issuer` or by a responder of its own choosing (RFC 6960
/// section 4.2.2.2). Whether it is still current is for the caller to say. Fails: `staple.malformed`,
/// `staple.unsuccessful`, `staple.other_certificate`, `staple.bad_signature`.
base::Result<Staple> verify_staple(const StapleQuery& query);

/// The same of a response about a certificate of our own, which goes out as it came. Of its bytes those of ResponseData
/// alone are signed: around them, where it says `good`, there is only what has to be, in DER, in at most 8 KiB. (What
/// is not good goes nowhere, and counts whatever is around it.) Fails: as above; `staple.malformed` on anything more.
base::Result<Staple> verify_own_staple(const StapleQuery& query);

/// What a responder is asked: an OCSPRequest of one certificate, CertID by SHA-1, without nonce, so that an answer that
/// was made before will do (RFC 5019 section 2.1.1). Fails: `staple.request`.
base::Result<base::Bytes> make_staple_request(const Certificate& leaf, const Certificate& issuer);

/// Does the certificate say that its server staples one whenever it is asked: TLS feature status_request (RFC 7633)?
bool demands_staple(const Certificate& certificate);

}  // namespace countersign::x509
