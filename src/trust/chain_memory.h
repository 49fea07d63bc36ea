// ChainMemory: remembers which presented chains were verified, so that a partner who comes again costs no signature
// check of its issuers and no reading of its certificates.
//
// Only verify_chain()'s proof is remembered, never the registry's answer: admit() is asked in every handshake, so a
// revocation needs nothing here to be forgotten. A proof serves one TrustSet (the object, not just its number), one
// Policy, exactly the bytes presented, and only between the latest notBefore and the earliest notAfter on its path. A
// refusal is never remembered. That the peer holds the key is never remembered either: TLS checks it every time.
// Bounded; thread-safe, for all workers of a listener.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "trust/presented.h"

namespace countersign::trust {

class ChainMemory {
 public:
  /// About 8 KiB each.
  static constexpr std::size_t kCapacity = 8'192;

  /// `policy` holds for every chain that is judged here. `capacity` is at least kShards.
  explicit ChainMemory(Policy policy, std::size_t capacity = kCapacity);

  /// verify_chain(), from memory where possible, then admit().
  base::Result<AdmittedChain, Refusal> judge(const Presented& presented, const std::shared_ptr<const TrustSet>& trust,
                                             const RegistryView& registry, base::Instant at);

  struct Counts {
    std::uint64_t hits;    ///< judged from memory
    std::uint64_t misses;  ///< verified from the ground up, whatever came out
    std::size_t chains;    ///< remembered now
  };
  Counts counts() const;

 private:
  static constexpr std::size_t kShards = 16;
  struct Entry {
    crypto::Digest256 digest;
    VerifiedChain chain;
  };
  struct Hash {
    std::size_t operator()(const crypto::Digest256& digest) const;
  };
  struct Shard {
    mutable std::mutex mutex;
    std::shared_ptr<const TrustSet> trust;  ///< for which all entries were verified; kept alive, so that no other can
                                            ///< ever have its address
    std::list<Entry> entries;               ///< newest use first
    std::unordered_map<crypto::Digest256, std::list<Entry>::iterator, Hash> by_digest;
  };

  Shard& shard_of(const crypto::Digest256& digest) { return shards_[digest.back() % kShards]; }
  std::optional<VerifiedChain> recall(const crypto::Digest256& digest, const std::shared_ptr<const TrustSet>& trust,
                                      base::Instant at);
  void remember(const crypto::Digest256& digest, const std::shared_ptr<const TrustSet>& trust,
                const VerifiedChain& chain);

  const Policy policy_;
  const std::size_t shard_capacity_;
  std::array<Shard, kShards> shards_;
  std::atomic<std::uint64_t> hits_{0};
  std::atomic<std::uint64_t> misses_{0};
};

}  // namespace countersign::trust
