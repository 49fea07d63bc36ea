#include "authority/registry/ledger.h"

#include "authority/registry/follow.h"
#include "base/check.h"
#include "store/feed.h"
#include "store/settings.h"

namespace countersign::authority {
namespace {

/// Old changes are dropped this many at a time.
constexpr std::int64_t kFeedTrim = 1'000;

struct ApplyTo {
  trust::RegistryView& view;
  void operator()(const trust::CertificateFact& fact) const { view.apply(fact); }
  void operator()(const trust::SuspensionFact& fact) const { view.apply(fact); }
  void operator()(const trust::WithdrawnCa& fact) const { view.apply(fact); }
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
  // What followers know may be of days that this registry has forgotten: they start afresh.
  BASE_TRY_VOID(store::set_setting(transaction_, kFeedId, head_.hash.substr(0, 32)));
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
  const std::int64_t before = sequence_ - static_cast<std::int64_t>(facts_.size());
  std::optional<std::vector<feed::Fact>> missed = std::vector<feed::Fact>();
  const auto applied = ledger_.applied();
  // The lock is ours: nobody can publish between these and our own.
  if (!facts_.empty() && applied && *applied != before) {
    BASE_TRY(missed, facts_between(transaction_, *applied, before));
  }
  BASE_TRY_VOID(settle());
  if (!facts_.empty()) {
    if (missed) ledger_.apply(*missed, before);
    ledger_.apply(facts_, missed ? sequence_ : *applied);  // what is not kept any more is read anew by follow()
    ledger_.tell(sequence_);
  }
  if (audited_ == Audited::anew) return ledger_.parts_.seal.acknowledge(head_);
  ledger_.parts_.seal.note(head_);
  return {};
}

/// The commit; and where its answer was lost: the lock of the next transaction is had only once this one is over, so
/// that our record is there then, or never will be.
base::Result<void> Amendment::settle() {
  auto committed = transaction_.commit();
  if (committed || committed.error().code != "store.unknown_outcome") return committed;
  auto rows = ledger_.parts_.registry.begin();
  if (!rows) return committed;
  BASE_TRY(const auto found, store::list_audit(*rows, head_.sequence - 1, 1));
  if (!found.empty() && found.front().hash == head_.hash) return {};
  return base::fail(base::Kind::unavailable, "store.unavailable",
                    "the connection to the registry's database was lost: nothing was changed; try again");
}

void Ledger::apply(const std::vector<feed::Fact>& facts, std::int64_t last) {
  for (const feed::Fact& fact : facts) {
    std::visit(ApplyTo{parts_.view}, fact);
    const bool of_application =
        std::holds_alternative<trust::CertificateFact>(fact) || std::holds_alternative<trust::SuspensionFact>(fact);
    issuers_changed_ = issuers_changed_ || !of_application;
  }
  applied_ = last;
}

base::Result<Amendment> Ledger::amend() {
  BASE_TRY(auto transaction, parts_.registry.begin());
  return Amendment(std::move(transaction), now(), *this);
}

}  // namespace countersign::authority
