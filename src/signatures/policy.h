// SignaturePolicy: what an HTTP message signature must cover and say to be believed here. The default is the safe one.
#pragma once

#include <string>
#include <vector>

#include "signatures/signature_input.h"

namespace countersign::signatures {

/// Has the message a content? Then it has to be under the signature, by Content-Digest.
enum class Content { none, some };

enum class NonceRule {
  optional,
  required,  ///< and whoever asks keeps them (replay_memory.h)
};

/// A request must be signed over @method and its target - @target-uri, or all of @authority, @path and @query - and a
/// response over @status; both over content-digest where there is content, and over `more`. `created` must be there.
struct SignaturePolicy {
  std::vector<Component> more = {};
  std::string tag = {};  ///< only signatures with this tag count; empty: any do
  NonceRule nonce = NonceRule::optional;
};

/// The first thing that has to be covered and is not, as it is written in Signature-Input; empty when there is none.
std::string first_uncovered(const SignatureInput& input, const MessageView& message, Content content,
                            const SignaturePolicy& policy);

/// What a signer should cover, in this order.
std::vector<Component> components_to_cover(const MessageView& message, Content content, const SignaturePolicy& policy);

/// The value of Accept-Signature (RFC 9421 section 5.1) that asks for this.
std::string accept_signature(const MessageView& message, Content content, const SignaturePolicy& policy);

}  // namespace countersign::signatures
