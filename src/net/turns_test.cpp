#include "net/turns.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "testing/run.h"

namespace countersign::net {
namespace {

Task<void> step(Turns& turns, std::string name, int times, std::vector<std::string>& seen) {
  for (int i = 0; i < times; ++i) {
    co_await turns.take();
    seen.push_back(name);
  }
}

/// Always ready: an established connection that never runs out of work.
void work(Loop& loop, int times, std::vector<std::string>& seen) {
  seen.emplace_back("work");
  if (times > 1) loop.post([&loop, times, &seen] { work(loop, times - 1, seen); });
}

class TurnsTest : public ::testing::Test {
 protected:
  void start(const std::string& name, int times) { spawn(loop_, step(turns_, name, times, seen_), name, log_.log()); }

  testing::KeptLog log_;
  std::vector<std::string> seen_;
  Loop loop_;
  Turns turns_{loop_.executor()};
};

TEST_F(TurnsTest, OtherWorkGetsInBetweenAnyTwo) {
  for (const char* name : {"a", "b", "c", "d"})
    start(name, 3);
  loop_.post([this] { work(loop_, 100, seen_); });
  loop_.run();
  EXPECT_EQ(seen_.size(), 112U);
  for (std::size_t i = 1; i < seen_.size(); ++i)
    EXPECT_TRUE(seen_[i] == "work" || seen_[i - 1] == "work") << "at " << i << ": " << seen_[i - 1] << seen_[i];
}

TEST_F(TurnsTest, AreInTheOrderOfTheirComing) {
  for (const char* name : {"a", "b", "c"})
    start(name, 2);
  loop_.run();
  // "a" asks for its second before "b" was started at all.
  EXPECT_EQ(seen_, (std::vector<std::string>{"a", "a", "b", "c", "b", "c"}));
}

TEST_F(TurnsTest, ALoneOneDoesNotWait) {
  start("a", 1);
  loop_.run();
  EXPECT_EQ(seen_, std::vector<std::string>{"a"});
  EXPECT_EQ(turns_.waiting(), 0U);
}

TEST(Turns, WhoeverWaitsMayBeDestroyed) {
  std::vector<std::string> seen;
  const testing::KeptLog log;
  auto loop = std::make_unique<Loop>();
  auto turns = std::make_unique<Turns>(loop->executor());
  for (const char* name : {"a", "b", "c"})
    spawn(*loop, step(*turns, name, 1, seen), name, log.log());
  loop->post([&] { loop->stop(); });
  loop->run();
  turns.reset();
  loop.reset();
  EXPECT_LT(seen.size(), 4U);
}

}  // namespace
}  // namespace countersign::net
