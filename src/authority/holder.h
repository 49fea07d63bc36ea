// Holder: proof that the caller holds a partner's Transport Certificate that is still accepted. Made only from a peer
// that a handshake verified (law 3). It is good for renewing what the same application holds, and for nothing else.
#pragma once

#include "authority/audit.h"
#include "tls/verified_peer.h"
#include "trust/purpose.h"

namespace countersign::authority {

class Holder {
 public:
  /// Fails: `caller.none` without a certificate, `caller.not_holder` with one of another purpose.
  static base::Result<Holder> from(const std::optional<tls::VerifiedPeer>& peer);
  const base::Identity& identity() const { return identity_; }
  trust::Purpose purpose() const { return purpose_; }
  /// Of the very certificate that was shown.
  const crypto::Digest256& fingerprint() const { return fingerprint_; }

 private:
  Holder(base::Identity identity, trust::Purpose purpose, const crypto::Digest256& fingerprint)
      : identity_(std::move(identity)), purpose_(purpose), fingerprint_(fingerprint) {}
  base::Identity identity_;
  trust::Purpose purpose_;
  crypto::Digest256 fingerprint_;
};

}  // namespace countersign::authority
