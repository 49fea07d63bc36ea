// OCSP requests (RFC 6960 section 4.1): read by hand, strictly, since anybody may send them.
//
// Signatures on requests are not looked at (RFC 5019 section 2.1.1): who asks is of no interest here.
#pragma once

#include <optional>
#include <vector>

#include "x509/certificate.h"

namespace countersign::x509 {

/// No OCSP request that is read is larger, and none asks for more.
inline constexpr std::size_t kOcspRequestLimit = 8 * 1024;
inline constexpr std::size_t kOcspCertIdLimit = 16;
/// RFC 9654 section 2.1.
inline constexpr std::size_t kOcspNonceLimit = 128;

/// How a CertID names its issuer. Others are read, and no issuer of ours has such a name.
enum class CertIdHash { sha1, sha256, other };

/// Which certificate is asked for; views into the request.
struct CertId {
  CertIdHash hash;
  base::BytesView issuer_name_hash;
  base::BytesView issuer_key_hash;
  base::BytesView serial;  ///< magnitude; empty when it is negative, zero or has more than 20 octets
  base::BytesView der;     ///< the whole CertID, as the response repeats it
};

class OcspRequest {
 public:
  /// Fails: `ocsp.malformed` (also on a nonce of another length than 1 to 128 octets, on more than 16 certificates, and
  /// on a critical extension that is not known here).
  static base::Result<OcspRequest> parse(base::BytesView der);
  OcspRequest(OcspRequest&&) = default;
  OcspRequest& operator=(OcspRequest&&) = default;
  OcspRequest(const OcspRequest&) = delete;

  /// At least one.
  const std::vector<CertId>& cert_ids() const { return cert_ids_; }
  /// The extension's value, to be repeated as it is: an OCTET STRING.
  std::optional<base::BytesView> nonce() const { return nonce_; }

 private:
  OcspRequest() = default;
  base::Bytes der_;
  std::vector<CertId> cert_ids_;
  std::optional<base::BytesView> nonce_;
};

}  // namespace countersign::x509
