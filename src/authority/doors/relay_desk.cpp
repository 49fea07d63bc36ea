#include "authority/doors/relay_desk.h"

#include "authority/oauth/server.h"

namespace countersign::authority {

/// One call. Its answer belongs to the registry's thread until it is over.
struct RelayDesk::Visit {
  oauth::RelayedCall call;
  Recheck recheck;
  std::optional<base::Result<http::Response>> answer = {};
};

net::Task<base::Result<http::Response>> RelayDesk::ask(oauth::RelayedCall call, Recheck recheck) {
  const auto visit = std::make_shared<Visit>(Visit{std::move(call), std::move(recheck)});
  std::function<void()> job = [this, visit] { work(*visit); };
  BASE_CO_TRY_VOID(co_await line_.wait(visit, std::move(job)));
  co_return std::move(*visit->answer);
}

void RelayDesk::work(const Visit& whose) {
  while (!whose.answer) {
    auto group = line_.take();
    authority_.catch_up();
    const auto snapshot = authority_.ledger().read_together();
    std::vector<const oauth::RelayedCall*> calls;
    for (const auto& visit : group) {
      const auto admitted = visit->recheck();
      if (admitted) calls.push_back(&visit->call);
      else visit->answer = base::unexpected(admitted.error());
    }
    std::erase_if(group, [](const auto& visit) { return visit->answer.has_value(); });
    auto answers = authority_.oauth().answer(calls);
    for (std::size_t i = 0; i < answers.size(); ++i)
      group[i]->answer = std::move(answers[i]);
  }
}

}  // namespace countersign::authority
