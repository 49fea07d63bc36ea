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
  BASE_TRY_VOID(append_audit(transaction_, entry, now_));
  audited_ = true;
  return {};
}

base::Result<void> Amendment::publish(feed::Fact fact) {
  BASE_TRY(sequence_, store::publish_fact(transaction_, base::json::serialize(feed::to_json(fact)), now_));
  facts_.push_back(std::move(fact));
  if (sequence_ <= kFeedHistory || sequence_ % kFeedTrim != 0) return {};
  return store::forget_feed_changes(transaction_, sequence_ - kFeedHistory);
}

base::Result<void> Amendment::commit() {
  BASE_CHECK(audited_);
  BASE_TRY_VOID(transaction_.commit());
  for (const feed::Fact& fact : facts_)
    std::visit(ApplyTo{view_}, fact);
  if (!facts_.empty()) listener_.published(static_cast<std::uint64_t>(sequence_));
  return {};
}

base::Result<Amendment> Ledger::amend() {
  BASE_TRY(auto transaction, registry_.begin());
  return Amendment(std::move(transaction), clock_.now(), view_, listener_);
}

}  // namespace countersign::authority
