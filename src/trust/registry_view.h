// RegistryView: what the registry says of certificates, applications and organisations, as known here and now.
//
// Fed by the trust feed (in the authority: by its own registry). A certificate the registry does not list is refused
// even when an issuing CA of ours signed it: a stolen issuing key opens nothing. Thread-safe; a change acts at the next
// look-up.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <shared_mutex>
#include <string>
#include <unordered_map>

#include "base/identity.h"
#include "base/time.h"
#include "crypto/digest.h"
#include "trust/purpose.h"
#include "trust/withdrawn_ca.h"

namespace countersign::trust {

struct CertificateFact {
  crypto::Digest256 fingerprint;
  base::Identity identity;
  Purpose purpose;
  base::Instant not_after;
  std::optional<std::string> revoked_for;  ///< the RFC 5280 reason name, where it is revoked
};

/// An application, or a whole organisation where `application` is absent, is suspended or active again.
struct SuspensionFact {
  base::Environment environment;
  base::Slug organisation;
  std::optional<base::Slug> application;
  bool suspended;
};

class RegistryView {
 public:
  void apply(const CertificateFact& fact);
  void apply(const SuspensionFact& fact);
  void apply(const WithdrawnCa& fact);
  /// Replaces everything by what the snapshot says, as one change.
  void replace(const std::vector<CertificateFact>& certificates, const std::vector<SuspensionFact>& suspensions,
               const std::vector<WithdrawnCa>& withdrawn = {});

  std::optional<CertificateFact> certificate(const crypto::Digest256& fingerprint) const;
  bool is_suspended(const base::Identity& identity) const;
  /// Why the issuing CA with this fingerprint is not believed any more; nothing when it was not withdrawn.
  std::optional<WithdrawalCause> withdrawal(const crypto::Digest256& issuer) const;
  /// Rises with every change that could turn an accepted certificate into a refused one, or back.
  std::uint64_t generation() const { return generation_.load(std::memory_order_acquire); }
  std::size_t size() const;

 private:
  struct DigestHash {
    std::size_t operator()(const crypto::Digest256& digest) const;
  };
  void put(const CertificateFact& fact);
  void put(const SuspensionFact& fact);

  mutable std::shared_mutex mutex_;
  std::unordered_map<crypto::Digest256, CertificateFact, DigestHash> certificates_;
  std::set<std::string> suspended_;  ///< "uat:acme" and "uat:acme:payments"
  std::unordered_map<crypto::Digest256, WithdrawalCause, DigestHash> withdrawn_;  ///< issuing CAs, by fingerprint
  std::atomic<std::uint64_t> generation_{1};
};

}  // namespace countersign::trust
