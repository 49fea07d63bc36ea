// Supervisor: keeps programs running, and stops them all when we are asked to stop.
//
// One that ends is started again after 1, 2, 4 ... 30 s. One that cannot get ready 5 times in a row is given up, at
// once when it says that its configuration is wrong: the caller then explains and stops. After never_give_up() such a
// one is tried each 30 s instead. Single-threaded; owns SIGINT, SIGTERM, SIGHUP and SIGCHLD of the process from make()
// on, so there is one supervisor a process.
#pragma once

#include <chrono>
#include <deque>
#include <list>
#include <optional>

#include "base/time.h"
#include "cli/child.h"

namespace countersign::cli {

/// Pauses between starts: each twice the one before, from 1 s to 30 s.
class Backoff {
 public:
  std::chrono::seconds next();
  void reset() { next_ = kFirst; }
  static constexpr std::chrono::seconds kLongest{30};

 private:
  static constexpr std::chrono::seconds kFirst{1};
  std::chrono::seconds next_ = kFirst;
};

class Supervisor {
 public:
  struct Event {
    enum class Kind {
      ready,                ///< `program` serves, for the first time or again
      ended,                ///< `program` ended; `detail` says how and what follows
      gave_up,              ///< `program` cannot be started; `detail` says why
      wrong_configuration,  ///< the same, by the program's own word at its first start
      failing,              ///< the same after never_give_up(): it is tried for ever
      stop,                 ///< somebody asked us to stop
    };
    Kind kind;
    std::string program;
    std::string detail;
  };

  static constexpr int kStartsAtMost = 5;
  static constexpr std::chrono::seconds kReadyTime{60};
  static constexpr std::chrono::seconds kStopTime{10};

  /// Fails: `supervisor.signals`.
  static base::Result<Supervisor> make();
  ~Supervisor();  ///< kills what still runs
  Supervisor(Supervisor&& other) noexcept;
  Supervisor(const Supervisor&) = delete;

  /// Starts it now, and again whenever it ends. Replaces the program of that name, which must not run.
  void keep_running(Program program);
  /// From now on whatever runs is worth more than what does not: one that cannot be started is tried for ever.
  void never_give_up() { may_give_up_ = false; }
  /// The next thing that happened; waits for it.
  Event next();
  /// Asks those programs to end (SIGTERM), waits, and kills what is left after kStopTime, or when asked to stop again.
  void stop(const std::vector<std::string>& names);

 private:
  using Steady = std::chrono::steady_clock::time_point;
  struct Kept {
    Program program;
    pid_t pid = 0;  ///< 0: not running
    bool ready = false;
    int failed_starts = 0;
    Backoff backoff = {};
    Steady started = {};
    std::optional<Steady> start_at = std::nullopt;
    std::uintmax_t log_from = 0;  ///< size of the log when it was started
  };

  explicit Supervisor(int signals) : signals_(signals) {}
  void launch(Kept& kept);
  void look_after(Kept& kept, Steady now);
  void note_end(Kept& kept, const std::string& how, bool hopeless);
  void reap();
  void wait_for_signal(std::chrono::milliseconds patience);
  std::chrono::milliseconds until_next_look(Steady now) const;

  int signals_;
  bool stop_asked_ = false;
  bool may_give_up_ = true;
  std::list<Kept> kept_;
  std::deque<Event> events_;
};

}  // namespace countersign::cli
