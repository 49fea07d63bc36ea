// HTTP message signatures (RFC 9421): checking the signature of a message, and making one.
//
// A check has two steps, since the head comes before the content: check_head() verifies the signature over the head and
// makes a CheckedHead, which takes the content as it comes; only its finish() makes a VerifiedSignature.
#pragma once

#include "signatures/content_digest.h"
#include "signatures/policy.h"
#include "signatures/scheme.h"
#include "signatures/verified_signature.h"

namespace countersign::signatures {

/// A head whose signature holds, with a content that is still to be hashed. It proves nothing by itself.
class CheckedHead {
 public:
  void add(base::BytesView part);
  /// After all of the content. Fails: `content_changed`.
  base::Result<VerifiedSignature, Refusal> finish() &&;

 private:
  friend base::Result<CheckedHead, Refusal> check_one(const struct HeadQuestion&, const SignatureInput&);
  CheckedHead(VerifiedSignature::Facts facts, std::optional<DigestCheck> digest)
      : facts_(std::move(facts)), digest_(std::move(digest)) {}
  VerifiedSignature::Facts facts_;
  std::optional<DigestCheck> digest_;  ///< where content-digest is covered
};

/// Borrowed for the length of one check.
struct HeadQuestion {
  const MessageView& message;
  Content content;
  const SignaturePolicy& policy;
  Freshness freshness;
  const FindKey& find_key;
};

/// The first signature of the message that holds; where none does, why the first one that was meant for us does not.
base::Result<CheckedHead, Refusal> check_head(const HeadQuestion& question);

struct Signing {
  const crypto::PrivateKey& key;
  std::string keyid;
  Scheme scheme;  ///< one of http_scheme()
  std::vector<Component> components;
  base::Instant created;
  std::optional<base::Instant> expires = {};
  std::string nonce = {};  ///< empty: none
  std::string tag = {};    ///< empty: none
  std::string label = "sig1";
};

/// What a signed message carries besides, with the bytes that were signed.
struct SignatureFields {
  std::string signature_input;
  std::string signature;
  std::string base;
};
/// Fails: `component.*`, `key.signing`, `signature.label` where label, keyid, nonce or tag cannot be written.
base::Result<SignatureFields> sign(const MessageView& message, const Signing& signing);

}  // namespace countersign::signatures
