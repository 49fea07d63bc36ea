#include "net/deadline_wheel.h"

#include <gtest/gtest.h>

#include "net/loop.h"
#include "testing/run.h"

namespace countersign::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

struct Recorder final : DeadlineWheel::Entry {
  explicit Recorder(Loop& l) : loop(l) {}
  void arm_in(milliseconds duration) {
    deadline = Deadline::after(duration);
    loop.wheel().arm(*this, deadline);
  }
  void on_deadline() noexcept override {
    early = !deadline.passed();
    ++fired;
    if (then) then();
  }
  Loop& loop;
  Deadline deadline{};
  std::function<void()> then;
  int fired = 0;
  bool early = false;
};

TEST(DeadlineWheel, FiresOnceAndNeverEarly) {
  Loop loop;
  Recorder soon(loop), later(loop), passed(loop);
  soon.arm_in(milliseconds(5));
  later.arm_in(milliseconds(70));
  passed.arm_in(milliseconds(-100));
  loop.run();  // ends, for the wheel stops ticking when nothing is armed
  for (const Recorder* entry : {&soon, &later, &passed}) {
    EXPECT_EQ(entry->fired, 1);
    EXPECT_FALSE(entry->early);
    EXPECT_FALSE(entry->armed());
  }
}

TEST(DeadlineWheel, DisarmedDoesNotFire) {
  Loop loop;
  Recorder disarmed(loop), other(loop);
  disarmed.arm_in(milliseconds(1));
  other.arm_in(milliseconds(25));
  disarmed.disarm();
  disarmed.disarm();
  loop.run();
  EXPECT_EQ(disarmed.fired, 0);
  EXPECT_EQ(other.fired, 1);
}

TEST(DeadlineWheel, ArmingAgainReplaces) {
  Loop loop;
  Recorder entry(loop);
  entry.arm_in(milliseconds(1));
  entry.arm_in(milliseconds(45));
  loop.run();
  EXPECT_EQ(entry.fired, 1);
  EXPECT_FALSE(entry.early);
}

TEST(DeadlineWheel, MayBeArmedAndDisarmedWhileFiring) {
  Loop loop;
  Recorder first(loop), second(loop), again(loop);
  // Both are due in one tick; whichever fires first disarms the other.
  first.then = [&] { second.disarm(); };
  second.then = [&] { first.disarm(); };
  again.then = [&] {
    if (again.fired < 3) again.arm_in(milliseconds(1));
  };
  first.arm_in(milliseconds(-1));
  second.arm_in(milliseconds(-1));
  again.arm_in(milliseconds(1));
  loop.run();
  EXPECT_EQ(first.fired + second.fired, 1);
  EXPECT_EQ(again.fired, 3);
}

TEST(DeadlineWheel, ADeadlineOfALaterRoundWaits) {
  Loop loop;
  Recorder now(loop), next_round(loop), never(loop);
  const milliseconds round = DeadlineWheel::kTick * 512;
  now.then = [&] {
    EXPECT_TRUE(next_round.armed());
    next_round.disarm();
    never.disarm();
  };
  now.deadline = Deadline::after(milliseconds(30));
  loop.wheel().arm(now, now.deadline);
  loop.wheel().arm(next_round, Deadline{now.deadline.at + round});  // the same slot
  loop.wheel().arm(never, Deadline{steady_clock::time_point::max()});
  loop.run();
  EXPECT_EQ(now.fired, 1);
  EXPECT_EQ(next_round.fired, 0);
  EXPECT_EQ(never.fired, 0);
}

TEST(DeadlineWheel, EntriesAndWheelMayDieInAnyOrder) {
  auto loop = std::make_unique<Loop>();
  auto dies_first = std::make_unique<Recorder>(*loop);
  Recorder survives(*loop);
  dies_first->arm_in(milliseconds(10));
  survives.arm_in(milliseconds(10));
  dies_first.reset();
  loop.reset();
  EXPECT_FALSE(survives.armed());
  EXPECT_EQ(survives.fired, 0);
}

struct ArmsAtItsEnd {
  ~ArmsAtItsEnd() { entry.arm_in(milliseconds(5)); }
  Recorder& entry;
};

Task<void> sleep_and_arm_at_the_end(Recorder& entry) {
  const ArmsAtItsEnd end{entry};
  co_await sleep_until(Deadline::after(std::chrono::hours(1)));
}

/// A frame that dies with its loop does at its end what it does in life.
TEST(DeadlineWheel, WhatIsArmedWhileTheLoopDiesStaysDisarmed) {
  testing::KeptLog log;
  auto loop = std::make_unique<Loop>();
  Recorder entry(*loop);
  net::spawn(*loop, sleep_and_arm_at_the_end(entry), "test", log.log());
  loop->io().poll();
  loop.reset();
  EXPECT_FALSE(entry.armed());
  EXPECT_EQ(entry.fired, 0);
}

}  // namespace
}  // namespace countersign::net
