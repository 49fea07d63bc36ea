// Operator: proof that the caller is an operator of this provider, and what this one may do. Made only from a peer that
// a handshake verified, so that no operator's handler can run without one (law 3).
#pragma once

#include "authority/registry/audit.h"
#include "authority/registry/operator_roles.h"
#include "tls/verified_peer.h"

namespace countersign::authority {

class Operator {
 public:
  /// The roles are those that the registry says now. Fails: `caller.none` without a certificate, `caller.not_operator`
  /// with another's, and as store.
  static base::Result<Operator> from(const std::optional<tls::VerifiedPeer>& peer, store::Transaction& rows);
  const base::Identity& identity() const { return identity_; }
  Actor actor() const { return {identity_.to_urn()}; }

  /// Fails: `caller.role`.
  base::Result<void> need(Right right) const;
  /// What the platform has only administrators may change; what partners have, whoever was let through to the route.
  /// Fails: `caller.role`.
  base::Result<void> may_change(const base::Identity& touched) const;

 private:
  Operator(base::Identity identity, std::set<Role> roles) : identity_(std::move(identity)), roles_(std::move(roles)) {}
  base::Identity identity_;
  std::set<Role> roles_;
};

}  // namespace countersign::authority
