// VerifiedSignature: the proof that a message was signed with a key, head and content as the kind of signature covers
// them (law 3). Made only by the three checkers of this module. Whose key it is, is the caller's to know.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "base/time.h"
#include "signatures/component.h"
#include "signatures/reason.h"
#include "signatures/verification_key.h"

namespace countersign::signatures {

enum class Kind {
  rfc9421,  ///< HTTP message signature: head and content, bound to a moment
  jws,      ///< detached JWS over the content alone
  header,   ///< k=KEY, s=SIGNATURE over the content alone
};
/// "rfc9421", "jws", "header".
std::string_view name(Kind kind);

/// Between which moments a message may have been made.
struct Freshness {
  base::Instant now;
  base::Duration max_age = std::chrono::seconds(300);
  base::Duration skew = std::chrono::seconds(60);  ///< by which the signer's clock may be off, both ways
};

/// The key that a message names, or why there is none. Asked once a signature, before anything is computed.
using FindKey = std::function<base::Result<VerificationKey, Refusal>(std::string_view keyid)>;

class VerifiedSignature {
 public:
  Kind kind() const { return facts_.kind; }
  const VerificationKey& key() const { return facts_.key; }
  /// When it says it was made; always there for rfc9421.
  const std::optional<base::Instant>& created() const { return facts_.created; }
  const std::optional<std::string>& nonce() const { return facts_.nonce; }
  /// Of rfc9421: what else of the message may be believed. Empty for the others, which cover the content alone.
  const std::vector<Component>& covered() const { return facts_.covered; }

 private:
  friend class CheckedHead;
  friend class DetachedJws;
  friend class HeaderSignature;
  struct Facts {
    Kind kind;
    VerificationKey key;
    std::optional<base::Instant> created = {};
    std::optional<std::string> nonce = {};
    std::vector<Component> covered = {};
  };
  explicit VerifiedSignature(Facts facts) : facts_(std::move(facts)) {}
  Facts facts_;
};

/// Nothing where `created` lies between the moments; else why not. `expires` where the signature names one.
std::optional<Refusal> refuse_stale(base::Instant created, std::optional<base::Instant> expires,
                                    const Freshness& freshness);

}  // namespace countersign::signatures
