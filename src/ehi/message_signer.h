// MessageSigner: signs requests with the provider's Signing Certificates, for partners that cannot do mutual TLS or
// want proof of who wrote a message. Lives on one loop.
//
// A signature is named by the key's RFC 7638 thumbprint, as the authority's JWKS for the provider lists it
// (/oauth2/jwks/ENVIRONMENT/provider).
#pragma once

#include <map>
#include <memory>

#include "ehi/endpoint.h"
#include "http/message.h"
#include "signatures/verification_key.h"
#include "tls/context.h"

namespace countersign::ehi {

/// A signature of RFC 9421 says that it ends so long after it was made.
inline constexpr base::Duration kSignatureLife = std::chrono::minutes(5);
/// Its tag, so that it is taken for nothing else (RFC 9421 section 7.2.8).
inline constexpr std::string_view kSignatureTag = "countersign-ehi";

class MessageSigner {
 public:
  /// Borrows the clock.
  explicit MessageSigner(const base::Clock& clock) : clock_(clock) {}

  /// From now on for calls of that environment. Fails: `signature.other_purpose` and as VerificationKey::of.
  base::Result<void> use_credential(base::Environment environment, std::shared_ptr<const tls::Credential> own);

  /// There is none that may be used from now on. `why`: for people.
  void stop_using_credential(base::Environment environment, std::string why);
  /// Is there what the endpoint's `sign` takes?
  bool may_sign(const Endpoint& endpoint) const;

  /// Adds the fields that the endpoint's `sign` wants, over method, URL, content and, under rfc9421, what fields of
  /// ours there are; takes away any of the same names. Nothing where `sign` is not set. Fails: `ehi.no_signature`.
  base::Result<void> sign(const Endpoint& endpoint, const http::Url& url, http::Request& request) const;

 private:
  struct Own {
    std::shared_ptr<const tls::Credential> credential;
    signatures::VerificationKey key;
  };
  base::Result<void> sign_http(const Own& own, const http::Url& url, http::Request& request) const;

  const base::Clock& clock_;
  const Own* find(base::Environment environment) const;
  std::map<base::Environment, Own> own_;
  std::map<base::Environment, std::string> why_none_;
};

}  // namespace countersign::ehi
