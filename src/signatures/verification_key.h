// VerificationKey: a public key that message signatures may be checked with. Immutable, cheap to copy.
//
// By purpose, never by name: of a certificate it is had only where that is one that signs messages, and not one that
// opens connections. Whether the certificate is to be believed is the caller's to know (trust::AdmittedChain).
#pragma once

#include <memory>
#include <string>

#include "jose/jwk.h"
#include "x509/certificate.h"

namespace countersign::signatures {

class VerificationKey {
 public:
  /// Fails: `signature.other_purpose` for a CA, for keyUsage without digitalSignature, and where extendedKeyUsage names
  /// TLS or everything; `jwk.unsupported`, `key.weak`.
  static base::Result<VerificationKey> of(const x509::Certificate& certificate);
  /// Of a JWK Set (RFC 7517 section 5), whose `use`, where it stands, is sig.
  static VerificationKey of(const jose::Jwk& jwk);

  const crypto::PublicKey& key() const { return content_->key; }
  /// SHA-256 of the key as RFC 7638 has it, in base64url: what keyid, kid and k= name it by.
  const std::string& thumbprint() const { return content_->thumbprint; }
  /// SHA-256 of the certificate in base64url (x5t#S256), which is understood as well; empty for a JWK.
  const std::string& certificate_thumbprint() const { return content_->certificate_thumbprint; }
  bool is_named(std::string_view keyid) const {
    return keyid == thumbprint() || (!certificate_thumbprint().empty() && keyid == certificate_thumbprint());
  }

 private:
  struct Content {
    crypto::PublicKey key;
    std::string thumbprint;
    std::string certificate_thumbprint;
  };
  explicit VerificationKey(Content content) : content_(std::make_shared<const Content>(std::move(content))) {}
  std::shared_ptr<const Content> content_;
};

}  // namespace countersign::signatures
