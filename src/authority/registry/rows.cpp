#include "authority/registry/rows.h"

#include <algorithm>

namespace countersign::authority {
namespace {

/// Runs on the error side of a Result whose input came out of the registry.
base::Error corrupt(base::Error cause) {
  base::Error error =
      std::move(cause).under("registry.corrupt", "the registry holds a row that does not parse; restore a backup");
  error.kind = base::Kind::corrupt;
  return error;
}

template <class T>
base::Result<T> trusted(base::Result<T> result) {
  if (!result) return base::unexpected(corrupt(std::move(result).error()));
  return result;
}

base::Result<base::Identity> parse_identity(const store::ApplicationKey& key) {
  BASE_TRY(const base::Environment environment, base::parse_environment(key.environment));
  BASE_TRY(auto organisation, base::Slug::parse(key.organisation));
  BASE_TRY(auto application, base::Slug::parse(key.application));
  return base::Identity{environment, std::move(organisation), std::move(application)};
}

base::Result<x509::Certificate> parse_certificate(const std::string& der_base64) {
  BASE_TRY(const base::Bytes der, base::from_base64(der_base64));
  return x509::Certificate::from_der(der);
}

base::Result<crypto::Digest256> parse_digest(const std::string& hex) {
  BASE_TRY(const base::Bytes bytes, base::from_hex(hex));
  crypto::Digest256 digest{};
  if (bytes.size() != digest.size())
    return base::fail(base::Kind::corrupt, "registry.corrupt", "a digest is not 32 bytes long");
  std::ranges::copy(bytes, digest.begin());
  return digest;
}

}  // namespace

store::ApplicationKey to_key(const base::Identity& identity) {
  return {std::string(base::name(identity.environment)), identity.organisation.text(), identity.application.text()};
}

base::Result<base::Identity> to_identity(const store::ApplicationKey& key) { return trusted(parse_identity(key)); }

base::Result<x509::Certificate> to_certificate(const std::string& der_base64) {
  return trusted(parse_certificate(der_base64));
}

base::Result<trust::Purpose> to_purpose(const std::string& text) { return trusted(trust::parse_purpose(text)); }

base::Result<trust::CertificateFact> to_fact(const store::CertificateRow& row) {
  BASE_TRY(const crypto::Digest256 fingerprint, trusted(parse_digest(row.fingerprint)));
  BASE_TRY(auto identity, to_identity(row.key));
  BASE_TRY(const trust::Purpose purpose, to_purpose(row.purpose));
  return trust::CertificateFact{fingerprint, std::move(identity), purpose, row.not_after, row.revoked_for};
}

std::string to_der_base64(const x509::Certificate& certificate) { return base::to_base64(certificate.der()); }

std::string spki_sha256_hex(const crypto::PublicKey& key) { return base::to_hex(key.spki_sha256()); }

}  // namespace countersign::authority
