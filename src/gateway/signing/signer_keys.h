// SignerKeys: by which keys an application's messages may be checked right now. Thread-safe.
//
// A key is had by purpose only: out of a Signing Certificate whose chain is verified for signing and which the registry
// admits. What was verified once is remembered as long as trust is the same; the registry is asked every time, so that
// revocation, suspension and expiry act on the next message.
#pragma once

#include <mutex>
#include <unordered_map>

#include "feed/knowledge.h"
#include "gateway/signing/settings.h"
#include "trust/verdict.h"

namespace countersign::gateway {

/// A Signing Certificate that is admitted, with its key.
struct Signer {
  trust::AdmittedChain chain;
  signatures::VerificationKey key;
};

class SignerKeys {
 public:
  /// Beyond this all are forgotten and verified anew.
  static constexpr std::size_t kRemembered = 10'000;

  /// Borrows both.
  SignerKeys(const feed::Knowledge& knowledge, const base::Clock& clock) : knowledge_(knowledge), clock_(clock) {}

  /// `caller`: of the connection's VerifiedPeer. Fails: `unknown_key`; `key_refused`, saying for which trust::Reason.
  base::Result<Signer, signatures::Refusal> find(const base::Identity& caller, RouteSignatures::Signer rule,
                                                 std::string_view keyid);

 private:
  struct Known {
    x509::Certificate certificate;
    signatures::VerificationKey key;
    std::optional<trust::AdmittedChain> chain = {};
    std::uint64_t generation = 0;  ///< of the trust that `chain` was verified under
  };
  struct DigestHash {
    std::size_t operator()(const crypto::Digest256& digest) const noexcept;
  };
  /// Null where it is no certificate that signs messages.
  std::shared_ptr<const Known> look_at(const feed::SigningCertificates::Kept& kept);
  base::Result<Signer, signatures::Refusal> admit(const Known& known, const feed::SigningCertificates::Kept& kept,
                                                  std::string_view keyid);

  const feed::Knowledge& knowledge_;
  const base::Clock& clock_;
  std::mutex mutex_;
  std::unordered_map<crypto::Digest256, std::shared_ptr<const Known>, DigestHash> known_;
};

}  // namespace countersign::gateway
