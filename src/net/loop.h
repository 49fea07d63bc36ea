// Loop: one event loop for one thread, and the tasks that live on it.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>

#include "base/log.h"
#include "net/task.h"

namespace countersign::net {

class DeadlineWheel;
class Readiness;
class Resolver;
class Turns;
class Waiters;

/// Everything except post() and stop() belongs to the thread that calls run(). Destroyed with tasks still suspended, it
/// destroys their frames; sockets and Workers outside of such frames must be destroyed before it.
class Loop {
 public:
  /// Also sets SIGPIPE to be ignored in this process, unless something else was set before.
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;

  /// Runs until stop(), or until no task is left; may be called again.
  void run();
  void stop();
  /// Thread-safe: `work` runs on this loop's thread soon.
  void post(std::function<void()> work);

  boost::asio::io_context& io() { return io_; }
  Executor executor() { return io_.get_executor(); }
  /// Coarse deadlines (20 ms steps) for sockets: one timer a loop, none a socket.
  DeadlineWheel& wheel() { return *wheel_; }
  /// For heavy steps that must not hold up whoever is connected already.
  Turns& turns() { return *turns_; }
  /// For Socket::connect.
  Resolver& resolver() { return *resolver_; }
  /// When this turn of the loop began, so that a step need not ask the clock for each of its deadlines: at most as late
  /// as the tasks that go on in one turn take. Outside of a turn the clock says.
  std::chrono::steady_clock::time_point turn_time() const;
  Deadline deadline_in(base::Duration time) const { return {turn_time() + time}; }
  /// For sockets, and for Signal.
  Readiness& readiness() { return readiness_; }
  Waiters& waiters() { return waiters_; }

 private:
  std::unique_ptr<DeadlineWheel> wheel_;  ///< closed before io_ dies: a frame may arm one of its entries at its end
  boost::asio::io_context io_;
  Readiness& readiness_;  ///< both die with io_
  Waiters& waiters_;
  std::unique_ptr<Turns> turns_;
  std::unique_ptr<Resolver> resolver_;
};

/// Starts `task` on `loop`. An exception that escapes it is logged as `task.failed` with `name` and ends the task only.
void spawn(Loop& loop, Task<void> task, std::string name, const base::Log& log);

/// Suspends the calling task until `deadline`.
Task<void> sleep_until(Deadline deadline);

/// From now on SIGINT and SIGTERM do not reach this thread, nor those it starts; they wait for wait_for_stop_signal().
void keep_back_stop_signals();

/// Completes with the number of the first SIGINT or SIGTERM. Further ones have no effect.
Task<int> wait_for_stop_signal(Loop& loop);

/// Counts tasks so that a server can drain: stop accepting, then wait for those under way.
class TaskGroup {
 public:
  TaskGroup(Loop& loop, const base::Log& log);
  void spawn(Task<void> task, std::string name);
  std::size_t live() const;
  /// True once no task is live; false when the deadline passed first.
  Task<bool> wait_until_empty(Deadline deadline);

 private:
  struct State;
  struct Member;
  Loop& loop_;
  const base::Log& log_;
  std::shared_ptr<State> state_;
};

/// Runs blocking work (the registry, key generation) on one thread of its own, away from every loop.
class Worker {
 public:
  Worker();
  ~Worker();  ///< finishes what was started, drops what was not
  /// Suspends the caller on its loop until `work` has run on the worker's thread. Jobs run one at a time, in order.
  /// `work` must not throw; what it captured by reference must outlive the call. The worker dies before its loops.
  Task<void> run(Loop& loop, std::function<void()> work);
  /// How long a caller waits for its turn.
  struct Patience {
    std::size_t waiting;  ///< refused when so many others wait already
    Deadline begin_by;    ///< refused when it has not begun by then; once begun it is waited for
  };
  /// The same for work that may be refused: then it never runs. Fails: `worker.busy` (Kind::unavailable).
  Task<base::Result<void>> try_run(Loop& loop, std::function<void()> work, Patience patience);
  /// Jobs that nobody has started yet. Thread-safe.
  std::size_t waiting() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace countersign::net
