// Certificate authorities for tests: a certificate and its key, and what a forger would do with them.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "x509/certificate_builder.h"

namespace countersign::testing {

struct Ca {
  x509::Certificate certificate;
  crypto::PrivateKey key;
};

struct CaSpec {
  std::string common_name;
  std::string organisation;
  base::Instant not_before;
  base::Instant not_after;
  std::optional<int> path_length = std::nullopt;
  crypto::PrivateKey::Kind key_kind = crypto::PrivateKey::Kind::p256;
};

Ca make_root(const CaSpec& spec);
Ca make_issuing(const CaSpec& spec, const Ca& issuer);
/// Signs `spec` with the issuer's key, by the same functions as the authority.
x509::Certificate issue(const x509::CertificateSpec& spec, const Ca& issuer);

/// RSA of any size, which PrivateKey::generate() rightly does not make.
crypto::PrivateKey make_weak_key(unsigned bits = 1024);
/// A copy of `certificate` with `change` applied, signed anew by `signer`; digest "SHA256", "SHA1", "MD5".
x509::Certificate forge(const x509::Certificate& certificate, const crypto::PrivateKey& signer,
                        const std::function<void(X509*)>& change, const char* digest = "SHA256");
/// Adds an extension of ours that nobody knows (critical), or by OpenSSL's configuration syntax ("nameConstraints",
/// ...).
void add_unknown_critical_extension(X509* certificate);
void add_extension(X509* certificate, const char* name, const char* value);
void remove_extension(X509* certificate, const char* name);

/// A copy with one byte of the signature changed: still parses, no longer verifies.
x509::Certificate with_changed_signature(const x509::Certificate& certificate);
/// A copy with one byte of the signed content (the serial number) changed.
x509::Certificate with_changed_content(const x509::Certificate& certificate);

}  // namespace countersign::testing
