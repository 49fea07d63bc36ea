// TrustSet: whom we believe, and for what: anchors, the issuing CAs under them, and what each issuing CA may vouch for.
//
// An empty TrustSet cannot be made (law 4). Immutable; a change of trust is a new TrustSet with a higher generation.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "base/identity.h"
#include "trust/purpose.h"
#include "trust/vouched_roots.h"
#include "trust/withdrawn_ca.h"
#include "x509/path.h"

namespace countersign::trust {

/// An issuing CA of ours: it vouches only for these purposes in this environment.
struct IssuingCa {
  x509::Certificate certificate;
  base::Environment environment;
  std::set<Purpose> purposes;
};

class TrustSet {
 public:
  /// Roots of ours and the issuing CAs under them: a leaf must come from an issuing CA that vouches for its purpose and
  /// environment. Of `issuing_cas` those that are in `withdrawn`, too, are not believed: paths lead to them, so that it
  /// can be said why. A root that is in `withdrawn` is no anchor. Fails: `trust.empty`, and as x509::AnchorSet::make.
  static base::Result<TrustSet> of_issuers(const std::vector<x509::Certificate>& roots,
                                           std::vector<IssuingCa> issuing_cas, std::uint64_t generation,
                                           std::vector<WithdrawnCa> withdrawn = {});
  /// The same, with what the roots say of each other.
  static base::Result<TrustSet> of_proposed(std::vector<ProposedRoot> roots, std::vector<IssuingCa> issuing_cas,
                                            std::uint64_t generation, std::vector<WithdrawnCa> withdrawn);
  /// Somebody else's roots (a public CA, a file given to `countersign verify`): any path to them will do.
  static base::Result<TrustSet> of_roots(std::vector<x509::Certificate> roots,
                                         std::vector<x509::Certificate> intermediates);

  /// The part of this set (made of_issuers) that stands under those of its roots that are in `roots`, or that one of
  /// these vouches for at `at`: those roots, and the issuing CAs below them. Of the same generation. Fails:
  /// `trust.empty` where nothing is left.
  base::Result<TrustSet> narrowed_to(const std::vector<x509::Certificate>& roots, base::Instant at) const;

  const x509::AnchorSet& anchors() const { return anchors_; }
  /// The facts about an issuing CA, or nothing where this set was made of_roots or does not know it.
  const IssuingCa* find_issuing_ca(const x509::Certificate& certificate) const;
  /// Null unless it was withdrawn.
  const WithdrawnCa* find_withdrawn(const x509::Certificate& certificate) const;
  bool knows_issuing_cas() const { return !issuing_cas_.empty(); }
  const std::vector<IssuingCa>& issuing_cas() const { return issuing_cas_; }
  std::uint64_t generation() const { return generation_; }

 private:
  TrustSet(x509::AnchorSet anchors, std::vector<ProposedRoot> roots, std::vector<IssuingCa> issuing_cas,
           std::vector<WithdrawnCa> withdrawn, std::uint64_t generation)
      : anchors_(std::move(anchors)),
        roots_(std::move(roots)),
        issuing_cas_(std::move(issuing_cas)),
        withdrawn_(std::move(withdrawn)),
        generation_(generation) {}
  x509::AnchorSet anchors_;
  std::vector<ProposedRoot> roots_;  ///< the anchors, with what others of them say of each; none where made of_roots
  std::vector<IssuingCa> issuing_cas_;
  std::vector<WithdrawnCa> withdrawn_;
  std::uint64_t generation_;
};

}  // namespace countersign::trust
