#include "net/signal.h"

#include <gtest/gtest.h>

#include "testing/run.h"

namespace countersign::net {
namespace {

Deadline in(std::chrono::milliseconds time) { return Deadline::after(time); }
constexpr std::chrono::milliseconds kShort{60};
constexpr std::chrono::milliseconds kLong{20'000};

Task<void> wait_for(Signal& signal, Deadline deadline, std::vector<bool>& outcomes) {
  outcomes.push_back(co_await signal.wait(deadline));
}

Task<void> wait_twice(Signal& signal, std::vector<bool>& outcomes) {
  co_await wait_for(signal, in(kLong), outcomes);
  co_await wait_for(signal, in(kShort), outcomes);
}

Task<void> raise_late(Signal& signal) {
  co_await sleep_until(in(kShort));
  signal.raise();
}

class SignalTest : public ::testing::Test {
 protected:
  testing::KeptLog log_;
  std::vector<bool> outcomes_;
};

TEST_F(SignalTest, WakesWhoWaits) {
  Loop loop;
  Signal signal(loop);
  spawn(loop, wait_for(signal, in(kLong), outcomes_), "wait", log_.log());
  spawn(loop, raise_late(signal), "raise", log_.log());
  loop.run();
  EXPECT_EQ(outcomes_, std::vector<bool>{true});
}

TEST_F(SignalTest, RaisedBeforeTheWaitItCountsOnce) {
  Loop loop;
  Signal signal(loop);
  signal.raise();
  signal.raise();
  spawn(loop, wait_twice(signal, outcomes_), "wait", log_.log());
  loop.run();
  EXPECT_EQ(outcomes_, (std::vector<bool>{true, false}));
}

TEST_F(SignalTest, ItsDeadlineIsNeverEarly) {
  Loop loop;
  Signal signal(loop);
  const auto before = std::chrono::steady_clock::now();
  spawn(loop, wait_for(signal, in(kShort), outcomes_), "wait", log_.log());
  loop.run();
  EXPECT_EQ(outcomes_, std::vector<bool>{false});
  EXPECT_GE(std::chrono::steady_clock::now() - before, kShort);
}

/// A frame that owns the signal it waits for, as the streams of HTTP/2 do: it must not keep itself alive.
Task<void> wait_for_ones_own(std::shared_ptr<Signal> signal, std::shared_ptr<int> held) {
  (void)co_await signal->wait(in(kLong));
  ++*held;
}

TEST_F(SignalTest, ALoopThatEndsDestroysWhoWaits) {
  const auto held = std::make_shared<int>(0);
  {
    Loop loop;
    spawn(loop, wait_for_ones_own(std::make_shared<Signal>(loop), held), "wait", log_.log());
    loop.post([&loop] { loop.stop(); });
    loop.run();
    EXPECT_EQ(held.use_count(), 2);
  }
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_EQ(*held, 0);
}

}  // namespace
}  // namespace countersign::net
