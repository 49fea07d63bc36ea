// Operator: proof that the caller is an operator of this provider. Made only from a peer that a handshake verified, so
// that no operator's handler can run without one (law 3).
#pragma once

#include "authority/registry/audit.h"
#include "tls/verified_peer.h"

namespace countersign::authority {

class Operator {
 public:
  /// Fails: `caller.none` without a certificate, `caller.not_operator` with another's.
  static base::Result<Operator> from(const std::optional<tls::VerifiedPeer>& peer);
  const base::Identity& identity() const { return identity_; }
  Actor actor() const { return {identity_.to_urn()}; }

 private:
  explicit Operator(base::Identity identity) : identity_(std::move(identity)) {}
  base::Identity identity_;
};

}  // namespace countersign::authority
