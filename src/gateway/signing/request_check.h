// RequestCheck: is a request signed as its route wants it, by whom? In two steps: the head, before its content is read,
// and the content, before anything goes on. Only both make a SignedRequest (law 3).
#pragma once

#include "gateway/signing/message_signing.h"
#include "signatures/content_signature.h"

namespace countersign::gateway {

/// Borrowed for as long as the check lasts.
struct RequestQuestion {
  const signatures::RequestView& request;
  signatures::Content content;  ///< does any follow the head?
  const RouteSignatures& settings;
  const base::Identity& caller;
};

/// A request whose signature holds, and whose key is of a Signing Certificate that is admitted for its caller.
class SignedRequest {
 public:
  const signatures::VerifiedSignature& signature() const { return signature_; }
  const trust::AdmittedChain& signer() const { return signer_; }
  /// What the upstream is told: X-Countersign-Signer, -Signer-Key, -Signature-Kind, -Signature-Covers, -Signed-At.
  http::Fields to_fields() const;

 private:
  friend class RequestCheck;
  SignedRequest(signatures::VerifiedSignature signature, trust::AdmittedChain signer)
      : signature_(std::move(signature)), signer_(std::move(signer)) {}
  signatures::VerifiedSignature signature_;
  trust::AdmittedChain signer_;
};

class RequestCheck {
 public:
  using Refusal = signatures::Refusal;

  /// Borrows `signing`. Fails: every signatures::Reason that is about the head.
  static base::Result<RequestCheck, Refusal> of_head(const RequestQuestion& question, MessageSigning& signing);
  /// With all of the content. Takes the nonce. Fails: `content_changed`, `bad_signature`, `replayed`, `busy`, and for
  /// detached JWS its times.
  base::Result<SignedRequest, Refusal> with_content(std::string_view content) &&;

 private:
  RequestCheck(const RequestQuestion& question, MessageSigning& signing) : question_(question), signing_(&signing) {}
  base::Result<signatures::VerificationKey, Refusal> find_key(std::string_view keyid);
  base::Result<void, Refusal> begin();
  base::Result<void, Refusal> begin_content_only(std::string_view field);
  base::Result<signatures::VerifiedSignature, Refusal> finish(std::string_view content);
  std::optional<Refusal> take_nonce(const signatures::VerifiedSignature& signature);
  signatures::Freshness freshness() const;

  RequestQuestion question_;
  MessageSigning* signing_;
  std::optional<Signer> signer_ = {};  ///< that was asked for last
  // One of the three.
  std::optional<signatures::CheckedHead> head_ = {};
  std::optional<signatures::DetachedJws> jws_ = {};
  std::optional<signatures::HeaderSignature> header_ = {};
};

/// What a refused caller is told: the problem, and Accept-Signature (RFC 9421 section 5.1).
http::Response to_response(const signatures::Refusal& refusal, const RequestQuestion& question);

}  // namespace countersign::gateway
