// Certification paths by RFC 5280 section 6, as pure functions: which certificates lead from a leaf to an anchor.
//
// The mechanics (names, signatures, basic constraints, path length, name constraints, validity) are OpenSSL's; which
// anchors, which purpose, and whether to believe the result are trust's decisions. Nothing here reads the system's
// roots.
#pragma once

#include <memory>
#include <vector>

#include "x509/certificate.h"

namespace countersign::x509 {

/// Anchors and known intermediates, prepared once, then only read. Thread-safe.
class AnchorSet {
 public:
  /// Fails: `anchors.empty`, `anchors.not_ca` naming the certificate.
  static base::Result<AnchorSet> make(std::vector<Certificate> anchors, std::vector<Certificate> intermediates);
  const std::vector<Certificate>& anchors() const { return anchors_; }
  const std::vector<Certificate>& intermediates() const { return intermediates_; }

  struct Store;
  const Store& store() const { return *store_; }

 private:
  AnchorSet(std::vector<Certificate> anchors, std::vector<Certificate> intermediates,
            std::shared_ptr<const Store> store)
      : anchors_(std::move(anchors)), intermediates_(std::move(intermediates)), store_(std::move(store)) {}
  std::vector<Certificate> anchors_;
  std::vector<Certificate> intermediates_;
  std::shared_ptr<const Store> store_;
};

enum class PathProblem {
  not_yet_valid,
  expired,
  issuer_not_found,  ///< the path stops below any anchor
  self_signed,       ///< the leaf is its own issuer and no anchor
  bad_signature,
  not_a_ca,  ///< a certificate above the leaf may not issue (basicConstraints, keyUsage, pathLen)
  name_constraint,
  too_long,
  weak_key,
  weak_signature,
  malformed,  ///< an extension is critical and unknown, or does not parse, or a field contradicts RFC 5280
};

struct PathFailure {
  PathProblem problem;
  int depth;           ///< 0 is the leaf
  Certificate at;      ///< the certificate in question
  std::string detail;  ///< OpenSSL's words
};

struct PathQuery {
  const Certificate& leaf;
  const std::vector<Certificate>& presented;  ///< what came with the leaf, in any order, without the leaf
  base::Instant at;
  int max_depth = 4;  ///< intermediates allowed between leaf and anchor
};

/// The path from the leaf (first) to an anchor (last), every signature and validity checked at `query.at`. Key usage
/// and extended key usage of the leaf are not judged here.
base::Result<std::vector<Certificate>, PathFailure> build_path(const PathQuery& query, const AnchorSet& anchors);

}  // namespace countersign::x509
