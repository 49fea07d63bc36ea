#include "authority/registry/follow.h"

#include "store/feed.h"

namespace countersign::authority {

base::Result<std::optional<std::vector<feed::Fact>>> facts_between(store::Transaction& rows, std::int64_t after,
                                                                   std::int64_t last) {
  const std::int64_t wanted = last - after;
  if (wanted < 0 || wanted > kFeedHistory) return std::nullopt;
  BASE_TRY(const auto found, store::list_feed_changes(rows, after, static_cast<int>(wanted)));
  // Sequences rise by one: the right number of them with the right end are all of them.
  if (static_cast<std::int64_t>(found.size()) != wanted) return std::nullopt;
  if (wanted > 0 && found.back().sequence != last) return std::nullopt;
  std::vector<feed::Fact> facts;
  for (const store::FeedChangeRow& row : found) {
    const auto json = base::parse_json(row.fact);
    if (!json) continue;
    if (auto fact = feed::fact_from_json(*json)) facts.push_back(std::move(*fact));
  }
  return std::optional(std::move(facts));
}

base::Result<void> follow(Ledger& ledger, const Hierarchy& hierarchy) {
  std::optional<std::vector<feed::Fact>> facts;
  std::int64_t last = 0;
  {
    BASE_TRY(auto rows, ledger.read());
    BASE_TRY(last, store::last_feed_sequence(rows));
    if (ledger.applied() == last) return {};
    if (ledger.applied() && *ledger.applied() < last) {
      BASE_TRY(facts, facts_between(rows, *ledger.applied(), last));
    } else if (ledger.applied()) {
      BASE_TRY_VOID(refuse_older(rows, ledger));
    }
  }
  if (facts) ledger.apply(*facts, last);
  else BASE_TRY_VOID(fill_view(ledger.view(), ledger, hierarchy));
  ledger.tell(last);
  return {};
}

}  // namespace countersign::authority
