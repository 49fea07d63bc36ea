#include "authority/doors/issuing_desk.h"

#include <algorithm>
#include <set>

namespace countersign::authority {

/// One call. Its members but `begin` belong to the registry's thread until it is over.
struct IssuingDesk::Visit {
  Begin begin;
  std::optional<ToIssue> to_issue = {};
  std::optional<Answer> answer = {};  ///< it is over
};

net::Task<Answer> IssuingDesk::ask(Begin begin) {
  const auto visit = std::make_shared<Visit>(Visit{std::move(begin)});
  std::function<void()> job = [this, visit] { work(*visit); };
  BASE_CO_TRY_VOID(co_await line_.wait(visit, std::move(job)));
  co_return std::move(*visit->answer);
}

void IssuingDesk::work(const Visit& whose) {
  while (!whose.answer) {
    Group group = line_.take();
    authority_.catch_up();
    const auto snapshot = authority_.ledger().read_together();
    begin(group);
    while (!group.empty())
      issue(group);
  }
}

void IssuingDesk::begin(Group& group) {
  for (const auto& visit : group) {
    auto asked = visit->begin();
    if (!asked) visit->answer = base::unexpected(std::move(asked).error());
    else if (auto* response = std::get_if<http::Response>(&*asked)) visit->answer = std::move(*response);
    else visit->to_issue = std::get<ToIssue>(std::move(*asked));
  }
  std::erase_if(group, [](const auto& visit) { return visit->answer.has_value(); });
}

void IssuingDesk::issue(Group& group) {
  std::deque<Order> orders;
  std::vector<const Order*> pointers;
  Group whose;
  Group later;
  std::set<std::string> claimed;
  for (const auto& visit : group) {
    auto found = visit->to_issue->find();
    if (!found) {
      visit->answer = base::unexpected(std::move(found).error());
    } else if (const auto* outcome = std::get_if<Outcome>(&*found)) {
      visit->answer = visit->to_issue->tell(*outcome);
    } else {
      const Order& order = orders.emplace_back(std::get<Order>(std::move(*found)));
      auto claims = claims_of(order);
      if (!visit->to_issue->claim.empty()) claims.push_back(visit->to_issue->claim);
      const bool clashes = std::ranges::any_of(claims, [&](const auto& claim) { return claimed.contains(claim); });
      claimed.insert(claims.begin(), claims.end());
      if (clashes) later.push_back(visit);
      else pointers.push_back(&order), whose.push_back(visit);
    }
  }
  const auto outcomes = authority_.issuance().issue(pointers);
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    if (outcomes[i]) whose[i]->answer = whose[i]->to_issue->tell(*outcomes[i]);
    else whose[i]->answer = base::unexpected(outcomes[i].error());
  }
  group = std::move(later);
}

}  // namespace countersign::authority
