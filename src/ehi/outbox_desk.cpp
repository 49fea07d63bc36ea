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

/// What goes to the outbox's thread and comes back.
struct OutboxDesk::Batch {
  std::vector<std::shared_ptr<Putting>> puts = {};
  std::vector<std::shared_ptr<Settling>> settlements = {};
};

OutboxDesk::OutboxDesk(net::Loop& loop, outbox::Outbox outbox, const base::Clock& clock, const base::Log& log)
    : loop_(loop), clock_(clock), log_(log), outbox_(std::move(outbox)) {}

base::Result<std::unique_ptr<OutboxDesk>> OutboxDesk::open(net::Loop& loop, outbox::Outbox::Options options,
                                                           const base::Clock& clock, const base::Log& log) {
  BASE_TRY(auto outbox, outbox::Outbox::open(std::move(options)));
  return std::unique_ptr<OutboxDesk>(new OutboxDesk(loop, std::move(outbox), clock, log));
}

net::Task<base::Result<outbox::Outbox::Accepted>> OutboxDesk::put(outbox::Draft draft) {
  const auto putting = std::make_shared<Putting>(loop_.executor(), std::move(draft));
  puts_.push_back(putting);
  begin_writing();
  co_await putting->done.wait(kNever);
  co_return std::move(*putting->answer);
}

net::Task<base::Result<void>> OutboxDesk::settle(outbox::Outbox::Settlement settlement) {
  const auto settling = std::make_shared<Settling>(loop_.executor(), std::move(settlement));
  settlements_.push_back(settling);
  begin_writing();
  co_await settling->done.wait(kNever);
  co_return std::move(*settling->answer);
}

void OutboxDesk::begin_writing() {
  if (std::exchange(writing_, true)) return;
  net::spawn(loop_, write_all(), "ehi.outbox", log_);
}

net::Task<void> OutboxDesk::write_all() {
  while (!puts_.empty() || !settlements_.empty()) {
    const auto batch = std::make_shared<Batch>();
    for (; !puts_.empty() && batch->puts.size() < kTogether; puts_.pop_front())
      batch->puts.push_back(std::move(puts_.front()));
    for (; !settlements_.empty() && batch->settlements.size() < kTogether; settlements_.pop_front())
      batch->settlements.push_back(std::move(settlements_.front()));
    std::function<void()> work = [this, batch] { write(*batch); };
    co_await worker_.run(loop_, std::move(work));
    for (const auto& putting : batch->puts)
      putting->done.wake();
    for (const auto& settling : batch->settlements)
      settling->done.wake();
  }
  writing_ = false;
}

/// On the outbox's thread; the loop does not touch the batch meanwhile.
void OutboxDesk::write(Batch& batch) {
  if (!batch.puts.empty()) {
    std::vector<outbox::Draft> drafts;
    for (const auto& putting : batch.puts)
      drafts.push_back(std::move(putting->draft));
    auto answers = outbox_.put_all(drafts, clock_.now());
    for (std::size_t i = 0; i < batch.puts.size(); ++i) {
      if (answers) batch.puts[i]->answer = std::move((*answers)[i]);
      else batch.puts[i]->answer = base::unexpected(answers.error());
    }
  }
  if (batch.settlements.empty()) return;
  std::vector<outbox::Outbox::Settlement> settlements;
  for (const auto& settling : batch.settlements)
    settlements.push_back(std::move(settling->settlement));
  const base::Result<void> settled = outbox_.settle_all(settlements, clock_.now());
  for (const auto& settling : batch.settlements)
    settling->answer = settled;
}

}  // namespace countersign::ehi
