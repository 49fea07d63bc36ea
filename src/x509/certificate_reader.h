// Inside of x509 only: what a certificate says, taken out of its DER once, and a reader for certificates as this
// authority writes them.
//
// A linter must read what is about to be signed as a stranger would, and libcrypto's X509 does that, but takes longer
// than three signatures: it decodes the key through all of its decoders. So the frame (RFC 5280 section 4.1) is taken
// apart by the strict reader of der.h, and names, times and the values of extensions by libcrypto's own decoders. None
// of that is code that has written them.
#pragma once

#include <optional>

#include "x509/certificate.h"
#include "x509/extensions.h"

namespace countersign::x509 {

/// Does not depend on the signature.
struct CertificateContent {
  Serial serial;
  Name subject;
  Name issuer;
  base::Instant not_before;
  base::Instant not_after;
  crypto::PublicKey key;
  ReadExtensions extensions;
  /// Of those that read_plain() has read, whose signature algorithms are the strong ones that we sign by.
  std::optional<std::vector<Certificate::Extension>> plain_extensions = std::nullopt;
};

/// Reads version 3 without unique identifiers, in DER, signed by an algorithm of ours, with extensions of
/// extensions.h, each at most once. Nothing for any other, and where anything is wrong: libcrypto then says what.
std::optional<CertificateContent> read_plain(base::BytesView der);

}  // namespace countersign::x509
