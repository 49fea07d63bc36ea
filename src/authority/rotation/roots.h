// Roots that follow each other (docs/rotation.md): a ceremony makes a new root, and the old one vouches for it by a
// cross certificate. Taken in, both are believed; issuing CAs are then had from the new one, and the old one is
// retired.
//
// As in rotation.h: each step is one audited amendment, done again it changes nothing; the hierarchy must be loaded
// anew after it. Belongs to the registry's thread.
#pragma once

#include "authority/registry/hierarchy.h"
#include "authority/registry/ledger.h"

namespace countersign::authority {

struct NewRootOrder {
  Root line;
  x509::Certificate certificate;
  std::vector<x509::Certificate> crosses = {};  ///< of it, by roots of the line
  std::string reason = {};                      ///< why there is no cross certificate
};

class Roots {
 public:
  /// Borrows both.
  Roots(Ledger& ledger, const Hierarchy& hierarchy) : ledger_(ledger), hierarchy_(hierarchy) {}

  /// Believed from now on, beside those before it: in the trust chain and in the feed. Data planes believe it where it
  /// is installed or a root that they believe vouches for it. Returns its name. Fails: `ca.profile`, `ca.signature`,
  /// `ca.name_taken`, `key.in_use`, `root.cross` (a cross certificate that is none of it, or by no root believed here),
  /// `root.no_cross` (neither that nor a reason).
  base::Result<std::string> import(const Actor& actor, const NewRootOrder& order);

  /// Believed no more. Fails: `root.unknown`, `root.last` (of its line), `root.in_use` naming the issuing CAs under it
  /// that are not over.
  base::Result<void> retire(const Actor& actor, const std::string& name);

 private:
  base::Result<void> check(const NewRootOrder& order) const;
  Ledger& ledger_;
  const Hierarchy& hierarchy_;
};

}  // namespace countersign::authority
