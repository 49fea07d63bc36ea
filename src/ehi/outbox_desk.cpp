#include "ehi/outbox_desk.h"

namespace countersign::ehi {
namespace {

constexpr net::Deadline kNever{std::chrono::steady_clock::time_point::max()};

}  // namespace

struct OutboxDesk::Putting {
  Putting(net::Executor executor, outbox::Draft d) : done(executor), draft(std::move(d)) {}
  net::Wakeup done;
  outbox::Draft draft;
  std::optional<base::Result<outbox::Outbox::Accepted>> answer = {};
};

struct OutboxDesk::Settling {
  Settling(net::Executor executor, outbox::Outbox::Settlement s) : done(executor), settlement(std::move(s)) {}
  net::Wakeup done;
  outbox::Outbox::Settlement settlement;
  std::optional<base::Result<void>> answer = {};
};

struct OutboxDesk::Other {
  Other(net::Executor executor, std::function<void()> w) : done(executor), work(std::move(w)) {}
  net::Wakeup done;
  std::function<void()> work;
};

OutboxDesk::OutboxDesk(net::Loop& loop, outbox::Outbox outbox, const base::Clock& clock, const base::Log& log)
    : loop_(loop), clock_(clock), log_(log), outbox_(std::move(outbox)) {}

base::Result<std::unique_ptr<OutboxDesk>> OutboxDesk::open(net::Loop& loop, outbox::Outbox::Options options,
                                                           const base::Clock& clock, const base::Log& log) {
  BASE_TRY(auto outbox, outbox::Outbox::open(std::move(options)));
  return std::unique_ptr<OutboxDesk>(new OutboxDesk(loop, std::move(outbox), clock, log));
}

net::Task<base::Result<outbox::Outbox::Accepted>> OutboxDesk::put(outbox::Draft draft, net::Deadline deadline) {
  const auto putting = std::make_shared<Putting>(loop_.executor(), std::move(draft));
  puts_.push_back(putting);
  begin();
  const bool done = co_await putting->done.wait(deadline);
  if (done) co_return std::move(*putting->answer);
  const bool begun = std::erase(puts_, putting) == 0;
  co_return base::fail(base::Kind::unavailable, "outbox.unavailable",
                       begun ? "the outbox has not answered in time; it may have taken the message all the same"
                             : "the outbox is held up, so the message was not put there; try again in a while");
}

net::Task<base::Result<void>> OutboxDesk::settle(outbox::Outbox::Settlement settlement) {
  const auto settling = std::make_shared<Settling>(loop_.executor(), std::move(settlement));
  settlements_.push_back(settling);
  begin();
  co_await settling->done.wait(kNever);
  co_return std::move(*settling->answer);
}

net::Task<void> OutboxDesk::take_turn(std::function<void()> job) {
  const auto other = std::make_shared<Other>(loop_.executor(), std::move(job));
  others_.push_back(other);
  begin();
  co_await other->done.wait(kNever);
}

void OutboxDesk::begin() {
  if (std::exchange(working_, true)) return;
  net::spawn(loop_, work_all(), "ehi.outbox", log_);
}

net::Task<void> OutboxDesk::work_all() {
  while (!puts_.empty() || !settlements_.empty() || !others_.empty()) {
    if (!puts_.empty()) co_await write_puts();
    const bool both = !settlements_.empty() && !others_.empty();
    if (both) settle_next_ = !settle_next_;
    if (!settlements_.empty() && (!both || settle_next_)) co_await write_settlements();
    else if (!others_.empty()) co_await do_other();
  }
  working_ = false;
}

/// On the outbox's thread, where the loop does not touch them meanwhile.
net::Task<void> OutboxDesk::write_puts() {
  std::vector<std::shared_ptr<Putting>> batch;
  for (; !puts_.empty() && batch.size() < kTogether; puts_.pop_front())
    batch.push_back(std::move(puts_.front()));
  std::function<void()> work = [this, &batch] {
    std::vector<outbox::Draft> drafts;
    for (const auto& putting : batch)
      drafts.push_back(std::move(putting->draft));
    auto answers = outbox_.put_all(drafts, clock_.now());
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (answers) batch[i]->answer = std::move((*answers)[i]);
      else batch[i]->answer = base::unexpected(answers.error());
    }
  };
  co_await worker_.run(loop_, std::move(work));
  for (const auto& putting : batch)
    putting->done.wake();
}

net::Task<void> OutboxDesk::write_settlements() {
  std::vector<std::shared_ptr<Settling>> batch;
  for (; !settlements_.empty() && batch.size() < kTogether; settlements_.pop_front())
    batch.push_back(std::move(settlements_.front()));
  std::function<void()> work = [this, &batch] {
    std::vector<outbox::Outbox::Settlement> settlements;
    for (const auto& settling : batch)
      settlements.push_back(std::move(settling->settlement));
    const base::Result<void> settled = outbox_.settle_all(settlements, clock_.now());
    for (const auto& settling : batch)
      settling->answer = settled;
  };
  co_await worker_.run(loop_, std::move(work));
  for (const auto& settling : batch)
    settling->done.wake();
}

net::Task<void> OutboxDesk::do_other() {
  const std::shared_ptr<Other> other = std::move(others_.front());
  others_.pop_front();
  std::function<void()> work = [other] { other->work(); };
  co_await worker_.run(loop_, std::move(work));
  other->done.wake();
}

}  // namespace countersign::ehi
