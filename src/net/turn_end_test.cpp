#include "net/turn_end.h"

#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace countersign::net {
namespace {

using Steps = std::vector<std::string>;

TEST(TurnEnd, RunsOnceBehindAllThatIsReady) {
  Loop loop;
  Steps steps;
  TurnEnd end(loop, [&] { steps.emplace_back("end"); });
  for (const char* name : {"a", "b", "c"})
    loop.post([&steps, &end, name] {
      steps.emplace_back(name);
      end.ask();
    });
  loop.run();
  EXPECT_EQ(steps, (Steps{"a", "b", "c", "end"}));
  loop.post([&] { end.ask(); });
  loop.run();
  EXPECT_EQ(steps.back(), "end");
  EXPECT_EQ(steps.size(), 5U);
}

TEST(TurnEnd, MayBeAskedByItsOwnWork) {
  Loop loop;
  int times = 0;
  std::optional<TurnEnd> end;
  end.emplace(loop, [&] {
    if (++times < 3) end->ask();
  });
  end->ask();
  loop.run();
  EXPECT_EQ(times, 3);
}

TEST(TurnEnd, NothingIsDoneOnceItIsGone) {
  Loop loop;
  bool done = false;
  {
    TurnEnd end(loop, [&] { done = true; });
    end.ask();
  }
  loop.run();
  EXPECT_FALSE(done);
}

TEST(TurnEnd, ALoopThatNeverRanOwesNothing) {
  bool done = false;
  {
    Loop loop;
    TurnEnd end(loop, [&] { done = true; });
    end.ask();
  }
  EXPECT_FALSE(done);
}

}  // namespace
}  // namespace countersign::net
