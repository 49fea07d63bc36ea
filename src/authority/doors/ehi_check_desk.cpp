#include "authority/doors/ehi_check_desk.h"

#include "authority/ehi/material.h"

namespace countersign::authority {

EhiCheckDesk::EhiCheckDesk(const Parts& parts, EhiCheckSettings settings)
    : parts_(parts), settings_(std::move(settings)) {
  log_ehi_material(settings_, parts_.log);
  if (settings_.addresses.reach == courier::Reach::anywhere)
    parts_.log.warning("danger.private_servers",
                       {{"meaning", "checks of partners' servers may lead to this machine and into its network"}});
}

EhiCheckDesk::~EhiCheckDesk() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  for (Looker& looker : lookers_)
    if (looker.running != nullptr) looker.running->stop();
}

void EhiCheckDesk::start() {
  for (Looker& looker : lookers_)
    net::spawn(parts_.loop, check_again_and_again(looker), "ehi.checks", parts_.log);
}

void EhiCheckDesk::report(const base::Error& error) const {
  parts_.log.error("ehi_checks.failed", {{"error", base::to_string(error)}});
}

bool EhiCheckDesk::is_stopping() {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

bool EhiCheckDesk::announce(Looker& looker, net::Loop* loop) {
  const std::lock_guard lock(mutex_);
  looker.running = loop;
  return !stopping_;
}

net::Task<void> EhiCheckDesk::check_again_and_again(Looker& looker) {
  while (!is_stopping()) {
    bool ran = true;
    while (ran && !is_stopping())
      ran = co_await check_one(looker);
    const net::Deadline next = net::Deadline::after(kEhiChecksEvery);
    co_await net::sleep_until(next);
  }
}

/// False when there is nothing to check now.
net::Task<bool> EhiCheckDesk::check_one(Looker& looker) {
  base::Result<std::optional<BegunCheck>> claimed = std::nullopt;
  std::function<void()> begin = [&] {
    claimed = EhiChecks(parts_.authority.ledger(), parts_.authority.hierarchy()).begin();
  };
  co_await parts_.registry.run(parts_.loop, std::move(begin));
  if (!claimed) report(claimed.error());
  if (!claimed || !*claimed) co_return false;
  const BegunCheck begun = std::move(**claimed);

  base::Result<check::Report> outcome =
      base::fail(base::Kind::unavailable, "ehi_check.stopped", "the authority was stopped meanwhile: ask again");
  std::function<void()> work = [&] { outcome = run(looker, begun); };
  co_await looker.worker.run(parts_.loop, std::move(work));

  base::Result<void> ended;
  std::function<void()> end = [&] {
    ended = EhiChecks(parts_.authority.ledger(), parts_.authority.hierarchy()).end(begun, outcome);
  };
  co_await parts_.registry.run(parts_.loop, std::move(end));
  if (!ended) report(ended.error());
  const bool went = outcome.has_value();
  parts_.log.info("ehi_check.ended", {{"server", begun.server.id},
                                      {"url", begun.server.url},
                                      {"failed", went ? outcome->count(check::Severity::fail) : 0},
                                      {"not_tried", went ? outcome->count(check::Severity::not_tried) : 0},
                                      {"error", went ? std::string() : base::to_string(outcome.error())}});
  co_return ended.has_value();
}

/// On the looker's thread.
base::Result<check::Report> EhiCheckDesk::run(Looker& looker, const BegunCheck& begun) {
  BASE_TRY(const base::Environment environment, base::parse_environment(begun.server.environment));
  crypto::SystemRandom random;
  net::Loop loop;
  base::Result<check::Report> outcome =
      base::fail(base::Kind::unavailable, "ehi_check.stopped", "the authority was stopped meanwhile: ask again");
  if (announce(looker, &loop)) {
    const EhiLook look{.url = begun.server.url,
                       .environment = environment,
                       .trust_chain = begun.trust_chain,
                       .is_confirmed = begun.server.confirmed_at.has_value()};
    outcome = look_at(settings_, look, {loop, parts_.authority.clock(), random}, parts_.log);
  }
  announce(looker, nullptr);
  return outcome;
}

}  // namespace countersign::authority
