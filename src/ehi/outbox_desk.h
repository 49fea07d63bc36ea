// OutboxDesk: the outbox, asked from the loop: its work is done on a thread of its own, and what waits is written
// together.
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

  /// Completes once it is on disk. Fails: `outbox.*`; then it is not there.
  net::Task<base::Result<outbox::Outbox::Accepted>> put(outbox::Draft draft);
  /// Completes once it was tried.
  net::Task<base::Result<void>> settle(outbox::Outbox::Settlement settlement);
  /// Anything else: `work` runs on the outbox's thread, and must not throw.
  template <class T>
  net::Task<base::Result<T>> ask(std::function<base::Result<T>(outbox::Outbox&)> work) {
    const auto answer = std::make_shared<std::optional<base::Result<T>>>();
    std::function<void()> job = [this, answer, work = std::move(work)] { answer->emplace(work(outbox_)); };
    co_await worker_.run(loop_, std::move(job));
    co_return std::move(**answer);
  }

 private:
  struct Putting;
  struct Settling;
  struct Batch;
  OutboxDesk(net::Loop& loop, outbox::Outbox outbox, const base::Clock& clock, const base::Log& log);
  void begin_writing();
  net::Task<void> write_all();
  void write(Batch& batch);

  net::Loop& loop_;
  const base::Clock& clock_;
  const base::Log& log_;
  outbox::Outbox outbox_;
  std::deque<std::shared_ptr<Putting>> puts_;
  std::deque<std::shared_ptr<Settling>> settlements_;
  bool writing_ = false;
  net::Worker worker_;  ///< ends before what it works on
};

}  // namespace countersign::ehi
