// OCSP responses (RFC 6960 section 4.2), written by hand: from what is known of certificates to the bytes that a
// responder's key signs, and those behind the signature.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "x509/crl.h"
#include "x509/ocsp_request.h"

namespace countersign::x509 {

using Sha1 = std::array<std::uint8_t, 20>;

/// What CertIDs call one issuer, and SHA-1 of its key, by which a response names its responder.
struct OcspNames {
  Sha1 name_sha1;
  Sha1 key_sha1;
  crypto::Digest256 name_sha256;
  crypto::Digest256 key_sha256;

  static OcspNames of(const Certificate& certificate);
  /// Does `id` name this issuer?
  bool are_in(const CertId& id) const;
};

/// What is said of one certificate: revoked, or good, or that nothing is known of it.
struct OcspStatus {
  enum class Kind { good, revoked, unknown };
  Kind kind;
  base::Instant revoked_at = {};
  CrlReason reason = CrlReason::unspecified;
};

struct OcspAnswer {
  base::BytesView cert_id;  ///< the whole CertID out of the request
  OcspStatus status;
};

struct OcspResponseSpec {
  Sha1 responder_key;  ///< responderID byKey
  base::Instant produced_at;
  base::Instant this_update;
  base::Instant next_update;
  std::vector<OcspAnswer> answers;
  std::optional<base::BytesView> nonce;  ///< the value of the request's extension
};

/// A ResponseData: the bytes under the signature.
base::Bytes build_response_data(const OcspResponseSpec& spec);

/// A whole successful OCSPResponse with the responder's certificate in it. `response_data` is not touched.
base::Bytes assemble_ocsp_response(base::BytesView response_data, base::BytesView signature,
                                   const Certificate& responder);

/// OCSPResponseStatus of a response that says nothing more and is not signed.
enum class OcspRefusal : std::uint8_t { malformed_request = 1, internal_error = 2, try_later = 3, unauthorized = 6 };
base::Bytes ocsp_refusal(OcspRefusal why);

}  // namespace countersign::x509
