// TrustView: whom the sites of one trust set and environment believe: some of the roots the feed speaks of, and the
// chains verified under them. All workers share it; thread-safe.
//
// Each view has a memory of chains of its own: what was verified for one never serves another.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "feed/knowledge.h"
#include "trust/chain_memory.h"

namespace countersign::gateway {

class TrustView {
 public:
  struct Options {
    std::vector<x509::Certificate> roots;  ///< believed as far as the feed speaks of them
    base::Environment environment;
    friend bool operator==(const Options&, const Options&) = default;
  };
  /// Borrows what it is given. Fails: `trust.empty` where the feed knows no issuing CA under these roots (law 4).
  static base::Result<std::unique_ptr<TrustView>> make(Options options, const feed::Knowledge& knowledge,
                                                       const base::Clock& clock, const base::Log& log);

  /// The feed's trust of this moment, narrowed to these roots; as it was before where nothing would be left (law 4).
  std::shared_ptr<const trust::TrustSet> trust() const;
  /// A transport certificate of the environment, under these roots, known to the registry as good.
  base::Result<trust::AdmittedChain, trust::Refusal> judge(const trust::Presented& presented);
  /// The subjects a client is told to choose its certificate by: transport issuing CAs of the environment.
  std::vector<x509::Certificate> acceptable_issuers() const;
  /// Of roots, environment and purposes, and of the generation of trust: sessions are bound to it.
  crypto::Digest256 digest() const;
  base::Environment environment() const { return options_.environment; }
  const Options& options() const { return options_; }
  /// Would a chain that was admitted under another view be believed here, as far as its root and environment say?
  bool believes(const trust::AdmittedChain& admitted) const;
  trust::ChainMemory::Counts chain_counts() const { return chains_.counts(); }

 private:
  TrustView(Options options, const feed::Knowledge& knowledge, const base::Clock& clock, const base::Log& log);
  base::Result<std::shared_ptr<const trust::TrustSet>> narrow(std::shared_ptr<const trust::TrustSet> whole) const;

  const Options options_;
  const feed::Knowledge& knowledge_;
  const base::Clock& clock_;
  const base::Log& log_;
  trust::ChainMemory chains_;
  mutable std::mutex mutex_;
  mutable std::shared_ptr<const trust::TrustSet> whole_;     ///< what narrowed_ was made of, or could not be
  mutable std::shared_ptr<const trust::TrustSet> narrowed_;  ///< never null
};

}  // namespace countersign::gateway
