#include "authority/enrolment/cmp_transactions.h"

#include <algorithm>
#include <iterator>

namespace countersign::authority {
namespace {

/// A clock that was set back does not make one live on.
bool has_ended(const CmpTransaction& transaction, base::Instant now) {
  return now < transaction.touched || now - transaction.touched >= kCmpTransactionLife;
}

bool was_touched_before(const auto& a, const auto& b) { return a.second.touched < b.second.touched; }

}  // namespace

const CmpTransaction* CmpTransactions::find(const CmpTransactionName& name, base::Instant now) {
  const auto found = kept_.find(name);
  if (found == kept_.end()) return nullptr;
  if (!has_ended(found->second, now)) return &found->second;
  kept_.erase(found);
  return nullptr;
}

void CmpTransactions::make_room(const CmpTransactionName& name, base::Instant now) {
  if (kept_.size() >= kCmpTransactions)
    std::erase_if(kept_, [&](const auto& one) { return has_ended(one.second, now); });
  const auto first = kept_.lower_bound({name.caller, ""});
  const auto last = std::find_if(first, kept_.end(), [&](const auto& one) { return one.first.caller != name.caller; });
  const auto older = [](const auto& a, const auto& b) { return was_touched_before(a, b); };
  if (std::distance(first, last) >= static_cast<std::ptrdiff_t>(kCmpTransactionsEach))
    kept_.erase(std::min_element(first, last, older));
  if (kept_.size() >= kCmpTransactions) kept_.erase(std::ranges::min_element(kept_, older));
}

void CmpTransactions::keep(const CmpTransactionName& name, CmpTransaction transaction, base::Instant now) {
  transaction.touched = now;
  kept_.erase(name);
  make_room(name, now);
  kept_.emplace(name, std::move(transaction));
}

}  // namespace countersign::authority
