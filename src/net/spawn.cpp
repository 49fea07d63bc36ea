#include <algorithm>
#include <csignal>
#include <exception>
#include <optional>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/basic_signal_set.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "net/loop.h"
#include "net/wakeup.h"

namespace countersign::net {
namespace {

sigset_t stop_signals() {
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGINT);
  sigaddset(&stop, SIGTERM);
  return stop;
}

/// `member`: dies behind the task.
template <class Member>
Task<void> guarded(Task<void> task, std::string name, const base::Log& log, Member member) {
  [[maybe_unused]] const Member held = std::move(member);
  try {
    co_await std::move(task);
  } catch (const std::exception& thrown) {
    log.error("task.failed", {{"task", name}, {"error", thrown.what()}});
  } catch (...) {
    log.error("task.failed", {{"task", name}, {"error", "an exception of unknown type"}});
  }
}

template <class Member>
void start(Loop& loop, Task<void> task, std::string name, const base::Log& log, Member member) {
  boost::asio::co_spawn(loop.executor(), guarded(std::move(task), std::move(name), log, std::move(member)),
                        boost::asio::detached);
}

struct OfNoGroup {};

/// SIGINT and SIGTERM of a loop, caught from the moment when somebody waits for them until the loop dies: one that
/// nobody catches any more would end the process where it is. A service of the loop's io_context.
class StopSignals final : public boost::asio::execution_context::service {
 public:
  static boost::asio::execution_context::id id;
  explicit StopSignals(boost::asio::io_context& io) : boost::asio::execution_context::service(io) {
    signals_.emplace(io.get_executor(), SIGINT, SIGTERM);
  }
  auto wait() { return signals_->async_wait(boost::asio::as_tuple(boost::asio::use_awaitable_t<Executor>())); }

 private:
  void shutdown() override { signals_.reset(); }
  std::optional<boost::asio::basic_signal_set<Executor>> signals_;
};

boost::asio::execution_context::id StopSignals::id;

}  // namespace

void spawn(Loop& loop, Task<void> task, std::string name, const base::Log& log) {
  start(loop, std::move(task), std::move(name), log, OfNoGroup{});
}

Task<void> sleep_until(Deadline deadline) {
  const Executor executor = co_await boost::asio::this_coro::executor;
  Wakeup never(executor);
  co_await never.wait(deadline);
}

void keep_back_stop_signals() {
  const sigset_t stop = stop_signals();
  pthread_sigmask(SIG_BLOCK, &stop, nullptr);
}

Task<int> wait_for_stop_signal(Loop& loop) {
  auto& signals = boost::asio::use_service<StopSignals>(loop.io());
  const sigset_t stop = stop_signals();
  pthread_sigmask(SIG_UNBLOCK, &stop, nullptr);  // where they were kept back until somebody listens
  const auto [error, number] = co_await signals.wait();
  keep_back_stop_signals();  // for the time when the loop is gone
  co_return error ? 0 : number;
}

struct TaskGroup::State {
  std::size_t live = 0;
  std::vector<Wakeup*> waiting;
};

namespace {

/// Registers a waiter for as long as its frame lives.
class Waiting {
 public:
  Waiting(std::vector<Wakeup*>& list, Wakeup& wakeup) : list_(list), wakeup_(wakeup) { list_.push_back(&wakeup_); }
  ~Waiting() { std::erase(list_, &wakeup_); }
  Waiting(const Waiting&) = delete;

 private:
  std::vector<Wakeup*>& list_;
  Wakeup& wakeup_;
};

}  // namespace

/// One live task; the frame that holds it may outlive the group.
struct TaskGroup::Member {
  explicit Member(std::shared_ptr<State> s) : state(std::move(s)) { ++state->live; }
  Member(Member&& other) noexcept = default;
  ~Member() {
    if (state == nullptr || --state->live > 0) return;
    for (Wakeup* wakeup : state->waiting)
      wakeup->wake();
  }
  std::shared_ptr<State> state;
};

TaskGroup::TaskGroup(Loop& loop, const base::Log& log) : loop_(loop), log_(log), state_(std::make_shared<State>()) {}

std::size_t TaskGroup::live() const { return state_->live; }

void TaskGroup::spawn(Task<void> task, std::string name) {
  start(loop_, std::move(task), std::move(name), log_, Member(state_));
}

Task<bool> TaskGroup::wait_until_empty(Deadline deadline) {
  const std::shared_ptr<State> state = state_;
  Wakeup empty(loop_.executor());
  const Waiting waiting(state->waiting, empty);
  while (state->live > 0 && !deadline.passed()) {
    if (co_await empty.wait(deadline)) break;
  }
  co_return state->live == 0;
}

}  // namespace countersign::net
