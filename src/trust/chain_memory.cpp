#include "trust/chain_memory.h"

#include <algorithm>
#include <cstring>
#include <iterator>

namespace countersign::trust {
namespace {

void append_number(base::Bytes& out, std::size_t number) {
  for (int shift = 24; shift >= 0; shift -= 8)
    out.push_back(static_cast<std::uint8_t>(number >> shift));
}

/// Does everything presented stand on the path? Otherwise whoever has seen one certificate of ours could fill the
/// memory with it, each time beside other certificates.
bool is_without_surplus(const PresentedChain& presented, const VerifiedChain& chain) {
  const auto stands_on_path = [&](const x509::Certificate& one) {
    return std::ranges::find(chain.path(), one) != chain.path().end();
  };
  return presented.size() <= chain.path().size() && std::ranges::all_of(presented, stands_on_path);
}

}  // namespace

crypto::Digest256 Presented::digest_of(const std::vector<base::Bytes>& ders) {
  base::Bytes all;
  append_number(all, ders.size());
  for (const base::Bytes& der : ders) {
    append_number(all, der.size());
    all.insert(all.end(), der.begin(), der.end());
  }
  return crypto::sha256(all);
}

std::size_t ChainMemory::Hash::operator()(const crypto::Digest256& digest) const {
  std::size_t hash = 0;
  std::memcpy(&hash, digest.data(), sizeof hash);
  return hash;
}

ChainMemory::ChainMemory(Policy policy, std::size_t capacity)
    : policy_(std::move(policy)), shard_capacity_(std::max<std::size_t>(capacity / kShards, 1)) {}

base::Result<AdmittedChain, Refusal> ChainMemory::judge(const Presented& presented,
                                                        const std::shared_ptr<const TrustSet>& trust,
                                                        const RegistryView& registry, base::Instant at) {
  if (auto known = recall(presented.digest(), trust, at)) {
    hits_.fetch_add(1, std::memory_order_relaxed);
    return admit(std::move(*known), registry);
  }
  misses_.fetch_add(1, std::memory_order_relaxed);
  auto chain = verify_chain(presented.chain(), policy_, *trust, at);
  if (!chain) return base::unexpected(std::move(chain).error());
  auto admitted = admit(std::move(*chain), registry);
  // Only who is listed has a place: certificates from a stolen issuing key must not push out the partners'.
  if (admitted && is_without_surplus(presented.chain(), admitted->chain()))
    remember(presented.digest(), trust, admitted->chain());
  return admitted;
}

std::optional<VerifiedChain> ChainMemory::recall(const crypto::Digest256& digest,
                                                 const std::shared_ptr<const TrustSet>& trust, base::Instant at) {
  Shard& shard = shard_of(digest);
  const std::lock_guard lock(shard.mutex);
  if (shard.trust != trust) return std::nullopt;
  const auto found = shard.by_digest.find(digest);
  if (found == shard.by_digest.end()) return std::nullopt;
  const VerifiedChain& chain = found->second->chain;
  if (at < chain.valid_from() || at > chain.valid_until()) return std::nullopt;
  shard.entries.splice(shard.entries.begin(), shard.entries, found->second);
  return chain;
}

void ChainMemory::remember(const crypto::Digest256& digest, const std::shared_ptr<const TrustSet>& trust,
                           const VerifiedChain& chain) {
  std::list<Entry> forgotten;  // destroyed when nobody waits for the lock any more
  Shard& shard = shard_of(digest);
  const std::lock_guard lock(shard.mutex);
  if (shard.trust != trust) {
    shard.by_digest.clear();
    forgotten.swap(shard.entries);
    shard.trust = trust;
  }
  if (const auto found = shard.by_digest.find(digest); found != shard.by_digest.end()) {
    found->second->chain = chain;
    return;
  }
  shard.entries.push_front({digest, chain});
  shard.by_digest.emplace(digest, shard.entries.begin());
  if (shard.entries.size() <= shard_capacity_) return;
  shard.by_digest.erase(shard.entries.back().digest);
  forgotten.splice(forgotten.end(), shard.entries, std::prev(shard.entries.end()));
}

ChainMemory::Counts ChainMemory::counts() const {
  Counts counts{hits_.load(std::memory_order_relaxed), misses_.load(std::memory_order_relaxed), 0};
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    counts.chains += shard.entries.size();
  }
  return counts;
}

}  // namespace countersign::trust
