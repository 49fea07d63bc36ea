#include "feed/knowledge.h"

#include <algorithm>

namespace countersign::feed {
namespace {

struct Sorted {
  std::vector<trust::ProposedRoot> roots;
  std::vector<trust::IssuingCa> issuing_cas;
  std::vector<trust::CertificateFact> certificates;
  std::vector<trust::SuspensionFact> suspensions;
  std::vector<trust::WithdrawnCa> withdrawn;
  std::vector<SigningCertificate> signing;
  TokenFacts tokens;

  void operator()(const RootFact& fact) { roots.push_back({fact.certificate, fact.crosses}); }
  void operator()(const trust::IssuingCa& fact) { issuing_cas.push_back(fact); }
  void operator()(const trust::CertificateFact& fact) { certificates.push_back(fact); }
  void operator()(const trust::SuspensionFact& fact) { suspensions.push_back(fact); }
  void operator()(const trust::WithdrawnCa& fact) { withdrawn.push_back(fact); }
  void operator()(const SigningCertificate& fact) { signing.push_back(fact); }
  void operator()(const TokenKeyFact& fact) { tokens.apply(fact); }
  void operator()(const TokenRevocationFact& fact) { tokens.apply(fact); }
  void operator()(const TokenCutFact& fact) { tokens.apply(fact); }
};

template <class T, class SameAs>
void put(std::vector<T>& list, const T& item, SameAs same) {
  const auto found = std::ranges::find_if(list, [&](const T& known) { return same(known, item); });
  if (found == list.end()) list.push_back(item);
  else *found = item;
}

template <class Ca>
bool same_ca(const Ca& a, const Ca& b) {
  return a.certificate == b.certificate;
}

}  // namespace

/// Takes over all of it, or nothing.
base::Result<void> Knowledge::publish_trust(Issuers issuers) {
  const auto known = trust_.take();
  const std::uint64_t generation = known ? known->generation() + 1 : 1;
  BASE_TRY(auto set, trust::TrustSet::of_proposed(issuers.roots, issuers.issuing_cas, generation, issuers.withdrawn));
  issuers_ = std::move(issuers);
  trust_.publish(std::make_shared<const trust::TrustSet>(std::move(set)));
  return {};
}

base::Result<void> Knowledge::replace(const Snapshot& snapshot) {
  const std::lock_guard lock(writer_);
  Sorted sorted;
  for (const Fact& fact : snapshot.facts)
    std::visit(sorted, fact);
  BASE_TRY_VOID(publish_trust({std::move(sorted.roots), std::move(sorted.issuing_cas), sorted.withdrawn}));
  registry_.replace(sorted.certificates, sorted.suspensions, sorted.withdrawn);
  signing_certificates_.replace(sorted.signing);
  tokens_.publish(std::make_shared<const TokenFacts>(std::move(sorted.tokens)));
  feed_ = snapshot.feed;
  sequence_.store(snapshot.sequence, std::memory_order_release);
  return {};
}

template <class TokenFact>
void Knowledge::apply_to_tokens(const Change& change) {
  const auto* fact = std::get_if<TokenFact>(&change.fact);
  if (fact == nullptr) return;
  TokenFacts facts = *tokens_.take();
  facts.apply(*fact);
  tokens_.publish(std::make_shared<const TokenFacts>(std::move(facts)));
}

base::Result<void> Knowledge::apply(const Change& change) {
  const std::lock_guard lock(writer_);
  if (change.sequence <= sequence()) return {};
  sequence_.store(change.sequence, std::memory_order_release);
  if (const auto* certificate = std::get_if<trust::CertificateFact>(&change.fact)) registry_.apply(*certificate);
  if (const auto* suspension = std::get_if<trust::SuspensionFact>(&change.fact)) registry_.apply(*suspension);
  if (const auto* signing = std::get_if<SigningCertificate>(&change.fact)) signing_certificates_.add(*signing);
  apply_to_tokens<TokenKeyFact>(change);
  apply_to_tokens<TokenRevocationFact>(change);
  apply_to_tokens<TokenCutFact>(change);
  const auto* root = std::get_if<RootFact>(&change.fact);
  const auto* ca = std::get_if<trust::IssuingCa>(&change.fact);
  const auto* withdrawn = std::get_if<trust::WithdrawnCa>(&change.fact);
  if (withdrawn != nullptr) registry_.apply(*withdrawn);  // holds even where no trust would be left
  if (root == nullptr && ca == nullptr && withdrawn == nullptr) return {};
  Issuers issuers = issuers_;
  if (root != nullptr) put(issuers.roots, {root->certificate, root->crosses}, same_ca<trust::ProposedRoot>);
  if (ca != nullptr) put(issuers.issuing_cas, *ca, same_ca<trust::IssuingCa>);
  if (withdrawn != nullptr) put(issuers.withdrawn, *withdrawn, same_ca<trust::WithdrawnCa>);
  return publish_trust(std::move(issuers));
}

void Knowledge::skip(std::uint64_t sequence_to_skip) {
  const std::lock_guard lock(writer_);
  if (sequence_to_skip > sequence()) sequence_.store(sequence_to_skip, std::memory_order_release);
}

std::string Knowledge::feed() const {
  const std::lock_guard lock(writer_);
  return feed_;
}

}  // namespace countersign::feed
