#include "trust/registry_view.h"

#include <array>
#include <cstring>
#include <set>
#include <shared_mutex>
#include <thread>
#include <unordered_map>

namespace countersign::trust {
namespace {

/// So many that a table which grows holds up those who look up for a millisecond, not for a second.
constexpr std::size_t kShards = 256;

std::string key_of(base::Environment environment, const base::Slug& organisation) {
  return std::string(base::name(environment)) + ":" + organisation.text();
}

std::string key_of(base::Environment environment, const base::Slug& organisation, const base::Slug& application) {
  return key_of(environment, organisation) + ":" + application.text();
}

/// Fingerprints are digests: any eight bytes of them are spread well enough.
struct DigestHash {
  std::size_t operator()(const crypto::Digest256& digest) const noexcept {
    std::size_t hash = 0;
    std::memcpy(&hash, digest.data(), sizeof hash);
    return hash;
  }
};

/// A CertificateFact without its fingerprint: a look-up costs what it touches of memory.
struct Listed {
  base::Identity identity;
  Purpose purpose;
  base::Instant not_after;
  std::optional<std::string> revoked_for;
  friend bool operator==(const Listed&, const Listed&) = default;
};

struct Shard {
  mutable std::shared_mutex mutex;
  std::unordered_map<crypto::Digest256, Listed, DigestHash> certificates;
};

}  // namespace

/// One state of the registry; whoever looks something up holds it for as long as that takes.
struct RegistryView::Index {
  std::array<Shard, kShards> shards;
  mutable std::shared_mutex suspended_mutex;
  std::set<std::string> suspended;  ///< "uat:acme" and "uat:acme:payments"
  mutable std::shared_mutex withdrawn_mutex;
  std::unordered_map<crypto::Digest256, WithdrawalCause, DigestHash> withdrawn;  ///< issuing CAs, by fingerprint

  Shard& shard_of(const crypto::Digest256& fingerprint) { return shards[fingerprint.back() % kShards]; }

  /// True where that contradicts what was listed before.
  bool put(const CertificateFact& fact) {
    Listed listed{fact.identity, fact.purpose, fact.not_after, fact.revoked_for};
    Shard& shard = shard_of(fact.fingerprint);
    const std::unique_lock lock(shard.mutex);
    const auto [at, is_new] = shard.certificates.try_emplace(fact.fingerprint, listed);
    if (is_new || at->second == listed) return false;
    at->second = std::move(listed);
    return true;
  }
  void put(const SuspensionFact& fact) {
    const std::string key = fact.application ? key_of(fact.environment, fact.organisation, *fact.application)
                                             : key_of(fact.environment, fact.organisation);
    const std::unique_lock lock(suspended_mutex);
    if (fact.suspended) suspended.insert(key);
    else suspended.erase(key);
  }
  void put(const WithdrawnCa& fact) {
    const std::unique_lock lock(withdrawn_mutex);
    withdrawn.insert_or_assign(fact.certificate.fingerprint(), fact.cause);
  }
};

RegistryView::RegistryView() : current_(std::make_shared<Index>()) {}
RegistryView::~RegistryView() = default;

std::shared_ptr<RegistryView::Index> RegistryView::current() const {
  const std::lock_guard lock(current_mutex_);
  return current_;
}

void RegistryView::apply(const CertificateFact& fact) {
  const std::lock_guard lock(writer_);
  const bool contradicts = current()->put(fact);
  if (fact.revoked_for || contradicts) generation_.fetch_add(1, std::memory_order_release);
}

void RegistryView::apply(const SuspensionFact& fact) {
  const std::lock_guard lock(writer_);
  current()->put(fact);
  generation_.fetch_add(1, std::memory_order_release);
}

void RegistryView::apply(const WithdrawnCa& fact) {
  const std::lock_guard lock(writer_);
  current()->put(fact);
  generation_.fetch_add(1, std::memory_order_release);
}

void RegistryView::replace(const std::vector<CertificateFact>& certificates,
                           const std::vector<SuspensionFact>& suspensions, const std::vector<WithdrawnCa>& withdrawn) {
  const std::lock_guard lock(writer_);
  auto index = std::make_shared<Index>();
  for (Shard& shard : index->shards)
    shard.certificates.reserve(certificates.size() / kShards + 1);
  for (const CertificateFact& fact : certificates)
    (void)index->put(fact);
  for (const SuspensionFact& fact : suspensions)
    index->put(fact);
  for (const WithdrawnCa& fact : withdrawn)
    index->put(fact);
  {
    const std::lock_guard swapping(current_mutex_);
    current_.swap(index);
  }
  generation_.fetch_add(1, std::memory_order_release);
  // Whoever is looking something up right now must not be the one who takes a million entries down.
  while (index.use_count() > 1)
    std::this_thread::yield();
}

std::optional<CertificateFact> RegistryView::certificate(const crypto::Digest256& fingerprint) const {
  const std::shared_ptr<Index> index = current();
  const Shard& shard = index->shard_of(fingerprint);
  const std::shared_lock lock(shard.mutex);
  const auto found = shard.certificates.find(fingerprint);
  if (found == shard.certificates.end()) return std::nullopt;
  const Listed& listed = found->second;
  return CertificateFact{fingerprint, listed.identity, listed.purpose, listed.not_after, listed.revoked_for};
}

bool RegistryView::is_suspended(const base::Identity& identity) const {
  const std::shared_ptr<Index> index = current();
  const std::shared_lock lock(index->suspended_mutex);
  if (index->suspended.empty()) return false;
  return index->suspended.contains(key_of(identity.environment, identity.organisation)) ||
         index->suspended.contains(key_of(identity.environment, identity.organisation, identity.application));
}

std::optional<WithdrawalCause> RegistryView::withdrawal(const crypto::Digest256& issuer) const {
  const std::shared_ptr<Index> index = current();
  const std::shared_lock lock(index->withdrawn_mutex);
  const auto found = index->withdrawn.find(issuer);
  if (found == index->withdrawn.end()) return std::nullopt;
  return found->second;
}

std::size_t RegistryView::size() const {
  const std::shared_ptr<Index> index = current();
  std::size_t size = 0;
  for (const Shard& shard : index->shards) {
    const std::shared_lock lock(shard.mutex);
    size += shard.certificates.size();
  }
  return size;
}

}  // namespace countersign::trust
