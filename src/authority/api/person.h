// Person: proof that the caller is somebody of a partner's organisation, and what this one may do for it. Made only
// from a peer that a handshake verified (law 3); handlers ask the registry for what `organisation()` has, and for
// nothing else.
#pragma once

#include "authority/registry/audit.h"
#include "authority/registry/people.h"
#include "tls/verified_peer.h"

namespace countersign::authority {

class Person {
 public:
  /// The roles are those that the registry says now. Fails: `caller.none` without a certificate, `caller.not_person`
  /// with another's, and as store.
  static base::Result<Person> from(const std::optional<tls::VerifiedPeer>& peer, store::Transaction& rows);
  const base::Identity& identity() const { return identity_; }
  const base::Slug& organisation() const { return identity_.organisation; }
  const std::set<PersonRole>& roles() const { return roles_; }
  Actor actor() const { return {identity_.to_urn()}; }

  /// Fails: `caller.role`.
  base::Result<void> need(PersonRight right) const;

 private:
  Person(base::Identity identity, std::set<PersonRole> roles)
      : identity_(std::move(identity)), roles_(std::move(roles)) {}
  base::Identity identity_;
  std::set<PersonRole> roles_;
};

}  // namespace countersign::authority
