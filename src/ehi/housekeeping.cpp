#include "ehi/housekeeping.h"

namespace countersign::ehi {
namespace {

constexpr std::chrono::seconds kInterval{1};

}  // namespace

Housekeeping::Housekeeping(net::Loop& loop, Caller& caller, OutboxDesk& desk, const Lanes& lanes,
                           const base::Clock& clock, const base::Log& log)
    : loop_(loop), caller_(caller), desk_(desk), lanes_(lanes), clock_(clock), log_(log) {}

void Housekeeping::start() { net::spawn(loop_, run(), "ehi.housekeeping", log_); }

net::Task<void> Housekeeping::run() {
  for (;;) {
    caller_.close_idle();
    co_await sweep();
    for (const auto& lane : lanes_)
      if (lane->cutoffs) co_await put_cutoff(*lane);
    const net::Deadline next = net::Deadline::after(kInterval);
    co_await net::sleep_until(next);
  }
}

void Housekeeping::tell(const base::Error& error) {
  if (!std::exchange(told_, true)) log_.error("ehi.outbox_failed", {{"error", base::to_string(error)}});
}

net::Task<void> Housekeeping::sweep() {
  for (bool more = true; more;) {
    std::function<base::Result<outbox::Outbox::Swept>(outbox::Outbox&)> work = [this](outbox::Outbox& outbox) {
      return outbox.sweep(clock_.now());
    };
    const auto swept = co_await desk_.ask(std::move(work));
    if (!swept) {
      tell(swept.error());
      co_return;
    }
    told_ = false;
    more = swept->more;
    for (const outbox::Message& message : swept->dead)
      log_.error("ehi.advice_dead", {{"endpoint", message.content.endpoint},
                                     {"id", message.id},
                                     {"key", message.content.key},
                                     {"kind", message.content.kind},
                                     {"attempts", message.attempts},
                                     {"error", message.last_error}});
  }
}

net::Task<void> Housekeeping::put_cutoff(Lane& lane) {
  outbox::Outbox::Cutoff cutoff{.endpoint = lane.endpoint.name.text(),
                                .interval = lane.endpoint.advice.cutoff_interval,
                                .keep = lane.endpoint.advice.keep};
  std::function<base::Result<bool>(outbox::Outbox&)> work = [this, cutoff](outbox::Outbox& outbox) {
    return outbox.put_cutoff(cutoff, clock_.now());
  };
  const auto put = co_await desk_.ask(std::move(work));
  if (!put) tell(put.error());
  else if (*put) lane.delivery.nudge();
}

}  // namespace countersign::ehi
