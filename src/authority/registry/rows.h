// From rows of text to the types that mean something, and back. A row that does not parse is a damaged registry.
#pragma once

#include "base/identity.h"
#include "feed/facts.h"
#include "store/applications.h"
#include "store/certificates.h"
#include "x509/certificate.h"

namespace countersign::authority {

store::ApplicationKey to_key(const base::Identity& identity);
/// Fails, all of these: `registry.corrupt`.
base::Result<base::Identity> to_identity(const store::ApplicationKey& key);
base::Result<x509::Certificate> to_certificate(const std::string& der_base64);
base::Result<trust::Purpose> to_purpose(const std::string& text);
base::Result<trust::CertificateFact> to_fact(const store::CertificateRow& row);

std::string to_der_base64(const x509::Certificate& certificate);
std::string spki_sha256_hex(const crypto::PublicKey& key);

}  // namespace countersign::authority
