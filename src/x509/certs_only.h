// Certificates in one file without a signature: the degenerate SignedData of PKCS#7 (RFC 2315 section 9.1, RFC 5652
// section 5.1), which EST answers with and which Windows and Java import as .p7b. It is a bag: that it parses says
// nothing about whom to believe.
#pragma once

#include <vector>

#include "x509/certificate.h"

namespace countersign::x509 {

/// No bag that Countersign reads is larger, nor holds more certificates.
inline constexpr std::size_t kCertsOnlyLimit = 256 * 1024;
inline constexpr std::size_t kCertsOnlyCount = 64;

/// DER, the certificates in the order given. Fails: `certs_only.build`.
base::Result<base::Bytes> to_certs_only(const std::vector<Certificate>& certificates);

/// The certificates of a bag in DER, in order. Strict: one SignedData of version 1 with data as its type, no content,
/// no signer, no bytes behind it. Fails: `certs_only.malformed`, `certs_only.too_large`, and as Certificate::from_der.
base::Result<std::vector<Certificate>> parse_certs_only(base::BytesView der);

}  // namespace countersign::x509
