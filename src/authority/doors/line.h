// Line: where calls wait for the registry's thread, and from which those that have come meanwhile are taken together,
// so that many share the waiting for the disk (docs/adr/0021). Nobody waits for company longer than one turn of the
// loop: when the thread is free, a call goes its way at once, alone.
//
// Calls join on the loop of their door; the work is done on the registry's thread.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "base/result.h"
#include "net/loop.h"

namespace countersign::authority {

/// Has `job` done on the worker. Fails: `authority.busy`; it was then not done and will not be.
net::Task<base::Result<void>> take_turn(net::Worker& worker, net::Loop& loop, std::function<void()> job);

/// Calls that are taken together at most.
inline constexpr std::size_t kCallsTogether = 64;

template <class Visit>
class Line {
 public:
  using Group = std::vector<std::shared_ptr<Visit>>;

  /// Borrows both.
  Line(net::Worker& worker, net::Loop& loop) : worker_(worker), loop_(loop) {}

  /// Until `visit` is over. `work` is run on the worker and returns when this visit is over, which may have happened in
  /// the work of another; it takes groups until then. Fails: `authority.busy`: nobody has taken this visit.
  net::Task<base::Result<void>> wait(std::shared_ptr<Visit> visit, std::function<void()> work) {
    {
      const std::lock_guard lock(mutex_);
      waiting_.push_back(visit);
    }
    // Whoever else has its request read in this turn of the loop goes along: else the first of them would begin a group
    // of its own, and the others wait for its syncs.
    const net::Deadline next_turn = net::Deadline::after({});
    co_await net::sleep_until(next_turn);
    const auto turned = co_await take_turn(worker_, loop_, std::move(work));
    if (turned) co_return turned;
    if (withdraw(*visit)) co_return base::unexpected(turned.error());
    // It was taken along by another's job, which is over when the next one is.
    std::function<void()> nothing = [] {};
    co_await worker_.run(loop_, std::move(nothing));
    co_return base::Result<void>();
  }

  /// On the worker: the next group, in the order in which they came.
  Group take() {
    const std::lock_guard lock(mutex_);
    const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(std::min(waiting_.size(), kCallsTogether));
    Group group(waiting_.begin(), end);
    waiting_.erase(waiting_.begin(), end);
    return group;
  }

 private:
  bool withdraw(const Visit& visit) {
    const std::lock_guard lock(mutex_);
    return std::erase_if(waiting_, [&](const auto& one) { return one.get() == &visit; }) > 0;
  }
  net::Worker& worker_;
  net::Loop& loop_;
  std::mutex mutex_;
  std::deque<std::shared_ptr<Visit>> waiting_;
};

}  // namespace countersign::authority
