// RegistryView: what the registry says of certificates, applications and organisations, as known here and now.
//
// Fed by the trust feed (in the authority: by its own registry). A certificate the registry does not list is refused
// even when an issuing CA of ours signed it: a stolen issuing key opens nothing. Thread-safe; a change acts at the next
// look-up.
//
// This is the revocation index of every handshake and request: a look-up takes well under a microsecond with a million
// certificates, and nobody who looks up waits for a writer longer than one shard's change. A snapshot is built beside
// what is in use, put in its place in one step, and what it replaced is taken down by the writer's thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

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
  RegistryView();
  ~RegistryView();
  RegistryView(const RegistryView&) = delete;

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
  struct Index;
  std::shared_ptr<Index> current() const;

  std::mutex writer_;  ///< changes come one after the other
  mutable std::mutex current_mutex_;
  std::shared_ptr<Index> current_;
  std::atomic<std::uint64_t> generation_{1};
};

}  // namespace countersign::trust
