#include "trust/registry_view.h"

#include <cstring>
#include <mutex>

namespace countersign::trust {
namespace {

std::string key_of(base::Environment environment, const base::Slug& organisation) {
  return std::string(base::name(environment)) + ":" + organisation.text();
}

std::string key_of(base::Environment environment, const base::Slug& organisation, const base::Slug& application) {
  return key_of(environment, organisation) + ":" + application.text();
}

}  // namespace

std::size_t RegistryView::DigestHash::operator()(const crypto::Digest256& digest) const {
  std::size_t hash = 0;
  std::memcpy(&hash, digest.data(), sizeof hash);
  return hash;
}

void RegistryView::put(const CertificateFact& fact) { certificates_.insert_or_assign(fact.fingerprint, fact); }

void RegistryView::put(const SuspensionFact& fact) {
  const std::string key = fact.application ? key_of(fact.environment, fact.organisation, *fact.application)
                                           : key_of(fact.environment, fact.organisation);
  if (fact.suspended) suspended_.insert(key);
  else suspended_.erase(key);
}

void RegistryView::apply(const CertificateFact& fact) {
  const std::unique_lock lock(mutex_);
  put(fact);
  if (fact.revoked_for) generation_.fetch_add(1, std::memory_order_release);
}

void RegistryView::apply(const SuspensionFact& fact) {
  const std::unique_lock lock(mutex_);
  put(fact);
  generation_.fetch_add(1, std::memory_order_release);
}

void RegistryView::apply(const WithdrawnCa& fact) {
  const std::unique_lock lock(mutex_);
  withdrawn_.insert_or_assign(fact.certificate.fingerprint(), fact.cause);
  generation_.fetch_add(1, std::memory_order_release);
}

void RegistryView::replace(const std::vector<CertificateFact>& certificates,
                           const std::vector<SuspensionFact>& suspensions, const std::vector<WithdrawnCa>& withdrawn) {
  const std::unique_lock lock(mutex_);
  certificates_.clear();
  suspended_.clear();
  withdrawn_.clear();
  for (const WithdrawnCa& fact : withdrawn)
    withdrawn_.insert_or_assign(fact.certificate.fingerprint(), fact.cause);
  for (const CertificateFact& fact : certificates)
    put(fact);
  for (const SuspensionFact& fact : suspensions)
    put(fact);
  generation_.fetch_add(1, std::memory_order_release);
}

std::optional<CertificateFact> RegistryView::certificate(const crypto::Digest256& fingerprint) const {
  const std::shared_lock lock(mutex_);
  const auto found = certificates_.find(fingerprint);
  if (found == certificates_.end()) return std::nullopt;
  return found->second;
}

bool RegistryView::is_suspended(const base::Identity& identity) const {
  const std::shared_lock lock(mutex_);
  if (suspended_.empty()) return false;
  return suspended_.contains(key_of(identity.environment, identity.organisation)) ||
         suspended_.contains(key_of(identity.environment, identity.organisation, identity.application));
}

std::optional<WithdrawalCause> RegistryView::withdrawal(const crypto::Digest256& issuer) const {
  const std::shared_lock lock(mutex_);
  const auto found = withdrawn_.find(issuer);
  if (found == withdrawn_.end()) return std::nullopt;
  return found->second;
}

std::size_t RegistryView::size() const {
  const std::shared_lock lock(mutex_);
  return certificates_.size();
}

}  // namespace countersign::trust
