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
  void operator()(const feed::SigningCertificate&) const {}
  void operator()(const feed::TokenKeyFact&) const {}
  void operator()(const feed::TokenRevocationFact&) const {}
  void operator()(const feed::TokenCutFact&) const {}
};

bool is_of_issuers(const feed::Fact& fact) {
  return std::holds_alternative<feed::RootFact>(fact) || std::holds_alternative<trust::IssuingCa>(fact) ||
         std::holds_alternative<trust::WithdrawnCa>(fact);
}

}  // namespace

base::Result<void> Amendment::audit(const AuditEntry& entry) {
  if (!run_) {
    AuditSeal& seal = ledger_.parts_.seal;
    BASE_TRY_VOID(seal.catch_up());
    BASE_TRY(run_, AuditRun::begin(transaction_, seal));
    audited_ = Audited::yes;
  }
  run_->append(entry, now_);
  return {};
}

base::Result<void> Amendment::audit_anew(const AuditEntry& entry) {
  BASE_CHECK(!run_);
  BASE_TRY(run_, AuditRun::begin_anew(transaction_));
  run_->append(entry, now_);
  // What followers know may be of days that this registry has forgotten: they start afresh.
  BASE_TRY_VOID(store::set_setting(transaction_, kFeedId, run_->head().hash.substr(0, 32)));
  audited_ = Audited::anew;
  return {};
}

void Amendment::publish(feed::Fact fact) { facts_.push_back(std::move(fact)); }

base::Result<void> Amendment::write() {
  BASE_TRY_VOID(run_->write(transaction_, ledger_.parts_.seal));
  if (facts_.empty()) return {};
  std::vector<std::string> texts;
  for (const feed::Fact& fact : facts_)
    texts.push_back(base::json::serialize(feed::to_json(fact)));
  BASE_TRY(sequence_, store::publish_facts(transaction_, texts, now_));
  const std::int64_t first = sequence_ - std::ssize(facts_) + 1;
  const bool trims = sequence_ / kFeedTrim != (first - 1) / kFeedTrim;
  if (sequence_ <= kFeedHistory || !trims) return {};
  return store::forget_feed_changes(transaction_, sequence_ - kFeedHistory);
}

base::Result<void> Amendment::commit() {
  BASE_CHECK(audited_ != Audited::no);
  BASE_TRY_VOID(write());
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
  if (audited_ == Audited::anew) return ledger_.parts_.seal.acknowledge(run_->head());
  ledger_.parts_.seal.note(run_->head());
  return {};
}

/// The commit; and where its answer was lost: the lock of the next transaction is had only once this one is over, so
/// that our record is there then, or never will be.
base::Result<void> Amendment::settle() {
  auto committed = transaction_.commit();
  if (committed || committed.error().code != "store.unknown_outcome") return committed;
  auto rows = ledger_.parts_.registry.begin();
  if (!rows) return committed;
  BASE_TRY(const auto found, store::list_audit(*rows, run_->head().sequence - 1, 1));
  if (!found.empty() && found.front().hash == run_->head().hash) return {};
  return base::fail(base::Kind::unavailable, "store.unavailable",
                    "the connection to the registry's database was lost: nothing was changed; try again");
}

void Ledger::apply(const std::vector<feed::Fact>& facts, std::int64_t last) {
  for (const feed::Fact& fact : facts) {
    std::visit(ApplyTo{parts_.view}, fact);
    issuers_changed_ = issuers_changed_ || is_of_issuers(fact);
  }
  applied_ = last;
}

base::Result<Amendment> Ledger::amend() {
  BASE_TRY(auto transaction, parts_.registry.begin());
  return Amendment(std::move(transaction), now(), *this);
}

}  // namespace countersign::authority
