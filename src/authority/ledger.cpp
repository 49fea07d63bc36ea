#include "authority/ledger.h"

#include "base/check.h"
#include "store/feed.h"

namespace countersign::authority {
namespace {

/// How many published changes are kept; a follower further behind takes a snapshot.
constexpr std::int64_t kFeedHistory = 100'000;
/// Old changes are dropped this many at a time.
constexpr std::int64_t kFeedTrim = 1'000;

struct ApplyTo {
  trust::RegistryView& view;
  void operator()(const trust::CertificateFact& fact) const { view.apply(fact); }
  void operator()(const trust::SuspensionFact& fact) const { view.apply(fact); }
  void operator()(const feed::RootFact&) const {}
  void operator()(const trust::IssuingCa&) const {}
};

}  // namespace

base::Result<void> Amendment::audit(const AuditEntry& entry) {
  AuditSeal& seal = ledger_.parts_.seal;
  BASE_TRY_VOID(seal.catch_up());
  BASE_TRY(head_, append_audit(transaction_, seal, entry, now_));
  if (audited_ == Audited::no) audited_ = Audited::yes;
  return {};
}

base::Result<void> Amendment::audit_anew(const AuditEntry& entry) {
  BASE_TRY(head_, append_audit_anew(transaction_, ledger_.parts_.seal, entry, now_));
  audited_ = Audited::anew;
  return {};
}

base::Result<void> Amendment::publish(feed::Fact fact) {
  BASE_TRY(sequence_, store::publish_fact(transaction_, base::json::serialize(feed::to_json(fact)), now_));
  facts_.push_back(std::move(fact));
  if (sequence_ <= kFeedHistory || sequence_ % kFeedTrim != 0) return {};
  return store::forget_feed_changes(transaction_, sequence_ - kFeedHistory);
}

base::Result<void> Amendment::commit() {
  BASE_CHECK(audited_ != Audited::no);
  BASE_TRY_VOID(transaction_.commit());
  for (const feed::Fact& fact : facts_)
    std::visit(ApplyTo{ledger_.parts_.view}, fact);
  if (!facts_.empty()) ledger_.parts_.listener.published(static_cast<std::uint64_t>(sequence_));
  if (audited_ == Audited::anew) return ledger_.parts_.seal.acknowledge(head_);
  ledger_.parts_.seal.note(head_);
  return {};
}

base::Result<Amendment> Ledger::amend() {
  BASE_TRY(auto transaction, parts_.registry.begin());
  return Amendment(std::move(transaction), now(), *this);
}

}  // namespace countersign::authority
