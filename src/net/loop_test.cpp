#include "net/loop.h"

#include <csignal>
#include <stdexcept>
#include <thread>

#include <gtest/gtest.h>

#include "testing/run.h"

namespace countersign::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Task<void> sleep(base::Duration duration, bool* woke) {
  co_await sleep_until(Deadline::after(duration));
  *woke = true;
}

Task<void> fail_with(const char* what) {
  if (what != nullptr) throw std::runtime_error(what);
  throw 7;
  co_return;
}

TEST(Loop, RunsUntilNoTaskIsLeftAndAgain) {
  const testing::KeptLog log;
  Loop loop;
  for (int round = 0; round < 2; ++round) {
    bool woke = false;
    spawn(loop, sleep(milliseconds(1), &woke), "sleeper", log.log());
    loop.run();
    EXPECT_TRUE(woke);
  }
}

TEST(Loop, StopFromAnotherThreadEndsRun) {
  const testing::KeptLog log;
  Loop loop;
  bool woke = false;
  spawn(loop, sleep(seconds(60), &woke), "sleeper", log.log());
  std::thread stopper([&] { loop.post([&] { loop.stop(); }); });
  loop.run();
  stopper.join();
  EXPECT_FALSE(woke);
}

TEST(Loop, PostRunsOnTheLoopsThread) {
  Loop loop;
  std::thread::id seen;
  std::thread poster([&] { loop.post([&] { seen = std::this_thread::get_id(); }); });
  poster.join();
  loop.run();
  EXPECT_EQ(seen, std::this_thread::get_id());
}

TEST(Spawn, LogsWhatEscapesATaskAndEndsThatTaskOnly) {
  const testing::KeptLog log;
  Loop loop;
  bool woke = false;
  spawn(loop, fail_with("it \"broke\""), "first", log.log());
  spawn(loop, fail_with(nullptr), "second", log.log());
  spawn(loop, sleep(milliseconds(1), &woke), "third", log.log());
  loop.run();
  EXPECT_TRUE(woke);
  ASSERT_EQ(log.lines().size(), 2u);
  EXPECT_NE(log.lines()[0].find(R"("event":"task.failed","task":"first","error":"it \"broke\"")"), std::string::npos);
  EXPECT_NE(log.lines()[1].find(R"("task":"second")"), std::string::npos);
}

TEST(TaskGroup, IsEmptyOnceTheLastTaskHasEnded) {
  const testing::KeptLog log;
  Loop loop;
  TaskGroup group(loop, log.log());
  bool woke = false;
  group.spawn(sleep(milliseconds(5), &woke), "member");
  group.spawn(fail_with("gone"), "member");
  EXPECT_EQ(group.live(), 2u);
  EXPECT_TRUE(testing::run(loop, group.wait_until_empty(Deadline::after(seconds(60)))));
  EXPECT_TRUE(woke);
  EXPECT_EQ(group.live(), 0u);
}

TEST(TaskGroup, GivesUpAtTheDeadline) {
  const testing::KeptLog log;
  Loop loop;
  TaskGroup group(loop, log.log());
  bool woke = false;
  group.spawn(sleep(seconds(60), &woke), "member");
  EXPECT_FALSE(testing::run(loop, group.wait_until_empty(Deadline::after(milliseconds(1)))));
  EXPECT_EQ(group.live(), 1u);
}

Task<std::vector<int>> run_three(Worker& worker, Loop& loop) {
  std::vector<int> order;
  const std::thread::id home = std::this_thread::get_id();
  for (int i = 0; i < 3; ++i) {
    std::function<void()> work = [&order, home, i] { order.push_back(std::this_thread::get_id() == home ? -1 : i); };
    co_await worker.run(loop, std::move(work));
    EXPECT_EQ(std::this_thread::get_id(), home);
  }
  co_return order;
}

TEST(Worker, RunsJobsInOrderElsewhereAndResumesAtHome) {
  Loop loop;
  Worker worker;
  EXPECT_EQ(testing::run(loop, run_three(worker, loop)), (std::vector<int>{0, 1, 2}));
}

Task<void> run_one(Worker& worker, Loop& loop, std::function<void()> work) {
  co_await worker.run(loop, std::move(work));
}

TEST(Worker, FinishesWhatWasStarted) {
  const testing::KeptLog log;
  Loop loop;
  auto worker = std::make_unique<Worker>();
  std::mutex gate;
  bool first = false;
  std::unique_lock closed(gate);
  spawn(loop,
        run_one(*worker, loop,
                [&] {
                  loop.stop();  // from the worker's thread: the job has begun
                  const std::lock_guard open(gate);
                  first = true;
                }),
        "first", log.log());
  loop.run();
  closed.unlock();
  worker.reset();
  EXPECT_TRUE(first);
}

/// Keeps the worker until `gate` opens.
Task<void> occupy(Worker& worker, Loop& loop, std::mutex& gate, bool& begun) {
  std::function<void()> work = [&] {
    loop.post([&begun] { begun = true; });
    const std::lock_guard open(gate);
  };
  co_await worker.run(loop, std::move(work));
}

Task<std::string> try_one(Worker& worker, Loop& loop, bool& done, Worker::Patience patience) {
  std::function<void()> work = [&done] { done = true; };
  const auto result = co_await worker.try_run(loop, std::move(work), patience);
  co_return result ? "ok" : result.error().code;
}

Task<void> wait_until(const bool& flag) {
  while (!flag)
    co_await sleep_until(Deadline::after(milliseconds(1)));
}

TEST(Worker, RefusesWhatWouldWaitTooLong) {
  const testing::KeptLog log;
  Loop loop;
  Worker worker;
  std::mutex gate;
  std::unique_lock closed(gate);
  bool begun = false;
  bool done = false;
  spawn(loop, occupy(worker, loop, gate, begun), "occupant", log.log());
  testing::run(loop, wait_until(begun));
  const auto attempt = [&](Worker::Patience patience) {
    return testing::run(loop, try_one(worker, loop, done, patience));
  };
  EXPECT_EQ(attempt({0, Deadline::after(seconds(60))}), "worker.busy") << "nobody may wait";
  EXPECT_EQ(attempt({1, Deadline::after(milliseconds(1))}), "worker.busy") << "its time is over";
  EXPECT_EQ(worker.waiting(), 0U);
  closed.unlock();
  EXPECT_FALSE(done);
  EXPECT_EQ(attempt({1, Deadline::after(seconds(60))}), "ok");
  EXPECT_TRUE(done);
}

TEST(Loop, MayDieWithTasksSuspended) {
  const testing::KeptLog log;
  bool woke = false;
  auto loop = std::make_unique<Loop>();
  auto worker = std::make_unique<Worker>();
  auto group = std::make_unique<TaskGroup>(*loop, log.log());
  group->spawn(sleep(seconds(60), &woke), "sleeper");
  spawn(*loop, sleep(seconds(60), &woke), "sleeper", log.log());
  spawn(*loop, run_one(*worker, *loop, [] {}), "job", log.log());
  Loop& alias = *loop;
  loop->post([&] { alias.stop(); });
  loop->run();
  worker.reset();
  group.reset();
  loop.reset();
  EXPECT_FALSE(woke);
}

Task<void> keep_signal(Loop& loop, int& number) { number = co_await wait_for_stop_signal(loop); }

TEST(StopSignal, CompletesWithItsNumber) {
  const testing::KeptLog log;
  Loop loop;
  int number = 0;
  spawn(loop, keep_signal(loop, number), "waiter", log.log());
  loop.post([] { raise(SIGTERM); });  // runs when the task waits already
  loop.run();
  EXPECT_EQ(number, SIGTERM);
}

/// As a process does that drains, and then as it ends.
TEST(StopSignal, TheNextOneHasNoEffect) {
  const testing::KeptLog log;
  {
    Loop loop;
    int number = 0;
    spawn(loop, keep_signal(loop, number), "waiter", log.log());
    loop.post([] { raise(SIGINT); });
    loop.run();
    EXPECT_EQ(number, SIGINT);
    std::thread elsewhere([] {  // where it is not kept back
      sigset_t both;
      sigemptyset(&both);
      sigaddset(&both, SIGINT);
      sigaddset(&both, SIGTERM);
      pthread_sigmask(SIG_UNBLOCK, &both, nullptr);
      raise(SIGINT);
      raise(SIGTERM);
    });
    elsewhere.join();
    raise(SIGTERM);
  }
  raise(SIGTERM);
  // For the tests that follow.
  sigset_t pending;
  sigemptyset(&pending);
  sigaddset(&pending, SIGTERM);
  const timespec at_once{};
  EXPECT_EQ(sigtimedwait(&pending, nullptr, &at_once), SIGTERM);
}

}  // namespace
}  // namespace countersign::net
