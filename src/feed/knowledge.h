// Knowledge: what a data plane knows of trust and registry right now, whoever told it.
//
// Broken input never replaces good knowledge (law 4). Thread-safe: one thread follows the feed, all threads ask.
#pragma once

#include <atomic>
#include <mutex>

#include "base/published.h"
#include "feed/facts.h"

namespace countersign::feed {

class Knowledge {
 public:
  /// Takes over everything the snapshot says. Fails: `trust.empty` and as x509::AnchorSet::make; nothing changes then.
  base::Result<void> replace(const Snapshot& snapshot);
  /// Takes over one change; one that is not newer than sequence() is ignored. Fails: as replace(); the change is passed
  /// over then, and nothing but sequence() changes.
  base::Result<void> apply(const Change& change);
  /// Passes over a change that cannot be read.
  void skip(std::uint64_t sequence);

  /// Null until the first replace().
  std::shared_ptr<const trust::TrustSet> trust() const { return trust_.take(); }
  const trust::RegistryView& registry() const { return registry_; }
  /// Told, not believed yet.
  const SigningCertificates& signing_certificates() const { return signing_certificates_; }
  /// What is known of access tokens. Never null; another object after each change.
  std::shared_ptr<const TokenFacts> tokens() const { return tokens_.take(); }
  /// Which run of the authority counts sequence(); empty until the first replace().
  std::string feed() const;
  std::uint64_t sequence() const { return sequence_.load(std::memory_order_acquire); }

 private:
  /// What trust is made of.
  struct Issuers {
    std::vector<trust::ProposedRoot> roots;
    std::vector<trust::IssuingCa> issuing_cas;
    std::vector<trust::WithdrawnCa> withdrawn;
  };
  base::Result<void> publish_trust(Issuers issuers);
  template <class TokenFact>
  void apply_to_tokens(const Change& change);

  mutable std::mutex writer_;
  std::string feed_;
  Issuers issuers_;
  base::Published<trust::TrustSet> trust_;
  trust::RegistryView registry_;
  SigningCertificates signing_certificates_;
  base::Published<TokenFacts> tokens_{std::make_shared<const TokenFacts>()};
  std::atomic<std::uint64_t> sequence_{0};
};

}  // namespace countersign::feed
