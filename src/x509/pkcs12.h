// PKCS#12 (RFC 7292) for Windows, Java and browsers: key, certificate and chain in one encrypted file.
#pragma once

#include <vector>

#include "crypto/private_key.h"
#include "x509/certificate.h"

namespace countersign::x509 {

struct Pkcs12 {
  const crypto::PrivateKey& key;
  const Certificate& certificate;
  const std::vector<Certificate>& chain;
  std::string friendly_name;
};

/// AES-256-CBC with PBKDF2, HMAC-SHA-256. Fails: `pkcs12.build`.
base::Result<base::Bytes> to_pkcs12(const Pkcs12& content, const base::Secret& passphrase);

/// Certificates alone, each marked as trusted in the way that Java reads (its attribute 2.16.840.1.113894.746875.1.1),
/// under its common name: what Java and others take as a truststore. Sealed in the same way: the passphrase keeps
/// nothing secret, it shows that nobody changed the file. Fails: `pkcs12.build`.
base::Result<base::Bytes> to_truststore(const std::vector<Certificate>& trusted, const base::Secret& passphrase);

}  // namespace countersign::x509
