// Running tasks from a test: a loop, a log that keeps its lines, and run(), which gives back what a task returned.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/check.h"
#include "base/log.h"
#include "net/loop.h"

namespace countersign::testing {

/// A log to hand to the code under test, and its lines. Thread-safe.
class KeptLog {
 public:
  const base::Log& log() const { return log_; }
  std::vector<std::string> lines() const { return sink_.lines(); }

 private:
  class Sink final : public base::LogSink {
   public:
    void write(std::string_view line) override {
      const std::lock_guard lock(mutex_);
      lines_.emplace_back(line);
    }
    std::vector<std::string> lines() const {
      const std::lock_guard lock(mutex_);
      return lines_;
    }

   private:
    mutable std::mutex mutex_;
    std::vector<std::string> lines_;
  };

  base::SystemClock clock_;
  Sink sink_;
  base::Log log_{base::Log::Options{"test", base::Level::debug}, clock_, sink_};
};

template <class T>
net::Task<void> keep_result(net::Loop& loop, net::Task<T> task, std::optional<T>& into) {
  into.emplace(co_await std::move(task));
  loop.stop();
}

inline net::Task<void> keep_end(net::Loop& loop, net::Task<void> task, bool& ended) {
  co_await std::move(task);
  ended = true;
  loop.stop();
}

/// Until what `worker` was given so far is done.
inline net::Task<void> wait_for_jobs(net::Worker& worker, net::Loop& loop) {
  std::function<void()> nothing = [] {};
  co_await worker.run(loop, std::move(nothing));
}

/// Runs `loop` until `task` is done; other tasks stay where they are. An exception that escapes `task` fails the check.
template <class T>
T run(net::Loop& loop, net::Task<T> task) {
  const KeptLog log;
  std::optional<T> result;
  net::spawn(loop, keep_result(loop, std::move(task), result), "test", log.log());
  loop.run();
  for (const std::string& line : log.lines())
    ADD_FAILURE() << line;
  BASE_CHECK(result.has_value());
  return std::move(*result);
}

inline void run(net::Loop& loop, net::Task<void> task) {
  const KeptLog log;
  bool ended = false;
  net::spawn(loop, keep_end(loop, std::move(task), ended), "test", log.log());
  loop.run();
  for (const std::string& line : log.lines())
    ADD_FAILURE() << line;
  BASE_CHECK(ended);
}

}  // namespace countersign::testing
