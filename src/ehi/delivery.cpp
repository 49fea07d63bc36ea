#include "ehi/delivery.h"

namespace countersign::ehi {
namespace {

constexpr std::chrono::seconds kLook{1};  // for messages whose pause is over

}  // namespace

Delivery::Delivery(net::Loop& loop, OutboxDesk& desk, const Endpoint& endpoint, Channel& advices, Channel* cutoffs,
                   const base::Clock& clock, const base::Log& log)
    : loop_(loop), desk_(desk), endpoint_(endpoint), advices_(advices), cutoffs_(cutoffs), clock_(clock), log_(log) {}

void Delivery::start() { net::spawn(loop_, run(), "ehi.delivery", log_); }

void Delivery::nudge() {
  nudged_ = true;
  if (wakeup_) wakeup_->wake();
}

net::Task<void> Delivery::run() {
  for (;;) {
    nudged_ = false;
    const bool more = co_await claim();
    if (more || nudged_) continue;
    wakeup_.emplace(loop_.executor());
    const net::Deadline look = net::Deadline::after(kLook);
    (void)co_await wakeup_->wait(look);
  }
}

/// What there is somebody to bring to; nothing: nothing. Cut-off messages go elsewhere than the others.
std::optional<outbox::Outbox::Claim::Which> Delivery::deliverable() const {
  using Which = outbox::Outbox::Claim::Which;
  const bool cutoffs = cutoffs_ == nullptr || cutoffs_->usable();
  if (!advices_.may_call()) return std::nullopt;
  if (advices_.usable()) return cutoffs ? Which::all : Which::others;
  return cutoffs && cutoffs_ != nullptr ? std::optional(Which::cutoffs) : std::nullopt;
}

/// True: there may be more to claim at once. A site that is not there is not asked: no attempt is spent on it.
net::Task<bool> Delivery::claim() {
  const std::int64_t room = endpoint_.advice.concurrency - under_way_;
  const auto which = deliverable();
  if (room <= 0 || stopped_ || !which) co_return false;
  outbox::Outbox::Claim claim{.endpoint = endpoint_.name.text(),
                              .limit = room,
                              .attempt_time = endpoint_.advice.deadline,
                              .pace = endpoint_.advice.pace,
                              .which = *which};
  std::function<base::Result<std::vector<outbox::Message>>(outbox::Outbox&)> work =
      [claim = std::move(claim), this](outbox::Outbox& outbox) { return outbox.claim(claim, clock_.now()); };
  auto due = co_await desk_.ask(std::move(work));
  if (!due) {
    if (!std::exchange(told_, true))
      log_.error("ehi.outbox_failed", {{"endpoint", endpoint_.name.text()}, {"error", base::to_string(due.error())}});
    co_return false;
  }
  told_ = false;
  for (outbox::Message& message : *due) {
    ++under_way_;
    net::spawn(loop_, deliver(std::move(message)), "ehi.advice", log_);
  }
  co_return std::ssize(*due) == room&& under_way_ < endpoint_.advice.concurrency;
}

net::Task<void> Delivery::deliver(outbox::Message message) {
  std::string error = co_await attempt(message);
  record(message, error);
  ++(error.empty() ? counts_.delivered : counts_.failed);
  outbox::Outbox::Settlement settlement{.id = message.id,
                                        .endpoint = message.content.endpoint,
                                        .order_key = message.content.order_key,
                                        .attempts = message.attempts,
                                        .error = std::move(error),
                                        .pace = endpoint_.advice.pace};
  const auto settled = co_await desk_.settle(std::move(settlement));
  if (!settled)  // it comes again: at least once
    log_.error("ehi.outbox_failed",
               {{"endpoint", endpoint_.name.text()}, {"id", message.id}, {"error", base::to_string(settled.error())}});
  --under_way_;
  nudge();
}

/// Empty: acknowledged.
net::Task<std::string> Delivery::attempt(const outbox::Message& message) {
  Channel* const channel = message.content.kind == "cutoff" ? cutoffs_ : &advices_;
  if (channel == nullptr) co_return "the endpoint has no cutoff_url any more";
  http::Request request;
  for (const auto& [field, value] : message.content.fields)
    request.head.fields.add(field, value);
  request.head.fields.set(std::string(kKeyField), message.content.key);
  request.head.fields.set(std::string(kAttemptField), std::to_string(message.attempts));
  request.body = message.content.body;
  const net::Deadline deadline = net::Deadline::after(endpoint_.advice.deadline);
  const Channel::Times times{deadline, deadline};
  auto progress = std::make_shared<Channel::Progress>();
  const Answer answer = co_await channel->ask(std::move(request), times, std::move(progress));
  if (!answer) {
    trouble_.note(answer.error(), clock_.now());
    co_return base::to_string(answer.error().error);
  }
  Acknowledgement wanted = endpoint_.advice.acknowledgement;
  if (channel == cutoffs_) wanted = {.statuses = wanted.statuses};  // the rest is about answers to its own messages
  const auto unacknowledged = check(wanted, *answer);
  if (unacknowledged) {
    trouble_.note({*unacknowledged}, clock_.now());
    co_return base::to_string(*unacknowledged);
  }
  trouble_.end();
  co_return "";
}

void Delivery::record(const outbox::Message& message, const std::string& error) const {
  base::Fields fields{{"endpoint", endpoint_.name.text()},
                      {"id", message.id},
                      {"key", message.content.key},
                      {"kind", message.content.kind},
                      {"attempt", message.attempts}};
  if (error.empty()) {
    log_.info("ehi.advice_delivered", fields);
    return;
  }
  fields.emplace_back("error", error);
  log_.warning("ehi.advice_failed", fields);
}

}  // namespace countersign::ehi
