// OutboxDesk: the outbox, asked from the loop. Its work is done on a thread of its own, one job at a time: what is to
// be put first, all that waits in one commit, and between two of these at most one other job - so that whoever waits
// with an outcome waits for two syncs of the disk at most, however many endpoints claim.
#pragma once

#include <deque>
#include <memory>

#include "net/loop.h"
#include "net/wakeup.h"
#include "outbox/outbox.h"

namespace countersign::ehi {

class OutboxDesk {
 public:
  /// As many messages go into one commit.
  static constexpr std::size_t kTogether = 256;

  /// Borrows loop, clock and log. Fails: as outbox::Outbox::open.
  static base::Result<std::unique_ptr<OutboxDesk>> open(net::Loop& loop, outbox::Outbox::Options options,
                                                        const base::Clock& clock, const base::Log& log);

  /// Completes once it is on disk. Fails: `outbox.*`; then it is not there, but for `outbox.unavailable` at the
  /// deadline, which leaves open whether what was begun is finished all the same.
  net::Task<base::Result<outbox::Outbox::Accepted>> put(outbox::Draft draft, net::Deadline deadline);
  /// Completes once it was tried.
  net::Task<base::Result<void>> settle(outbox::Outbox::Settlement settlement);
  /// Anything else: `work` runs on the outbox's thread, and must not throw.
  template <class T>
  net::Task<base::Result<T>> ask(std::function<base::Result<T>(outbox::Outbox&)> work) {
    const auto answer = std::make_shared<std::optional<base::Result<T>>>();
    std::function<void()> job = [this, answer, work = std::move(work)] { answer->emplace(work(outbox_)); };
    co_await take_turn(std::move(job));
    co_return std::move(**answer);
  }

 private:
  struct Putting;
  struct Settling;
  struct Other;
  OutboxDesk(net::Loop& loop, outbox::Outbox outbox, const base::Clock& clock, const base::Log& log);
  net::Task<void> take_turn(std::function<void()> job);
  void begin();
  net::Task<void> work_all();
  net::Task<void> write_puts();
  net::Task<void> write_settlements();
  net::Task<void> do_other();

  net::Loop& loop_;
  const base::Clock& clock_;
  const base::Log& log_;
  outbox::Outbox outbox_;
  std::deque<std::shared_ptr<Putting>> puts_;
  std::deque<std::shared_ptr<Settling>> settlements_;
  std::deque<std::shared_ptr<Other>> others_;
  bool working_ = false;
  bool settle_next_ = true;
  net::Worker worker_;  ///< ends before what it works on
};

}  // namespace countersign::ehi
