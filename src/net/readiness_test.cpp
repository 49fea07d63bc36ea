// Readiness: events go to whom they are for, in batches; no event reaches the wrong socket.
#include "net/readiness.h"

#include <algorithm>
#include <optional>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/process.h"
#include "net/socket.h"
#include "testing/run.h"

namespace countersign::net {
namespace {

using Texts = std::vector<std::string>;

/// One end of a pair of sockets, watched, and the other.
struct End {
  explicit End(Readiness& readiness) : watched(std::in_place, readiness) {
    int both[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, both), 0);
    EXPECT_EQ(watched->open(both[0]), 0);
    other = both[1];
  }
  ~End() { ::close(other); }
  End(const End&) = delete;
  void poke() const { EXPECT_EQ(::send(other, "x", 1, 0), 1); }

  std::optional<Readiness::Watched> watched;
  int other = -1;
  std::string outcome = {};
};

Task<void> note_told(End& end, std::function<void()> then) {
  Readiness::Side& side = end.watched->reading;
  co_await end.watched->suspend(side);
  end.outcome = end.watched && side.was_told() ? "told" : "disturbed";
  if (then) then();
}

class ReadinessTest : public ::testing::Test {
 protected:
  void wait(End& end, std::function<void()> then = nullptr) {
    net::spawn(loop_, note_told(end, std::move(then)), "test", log_.log());
  }
  void settle() {
    loop_.io().poll();
    loop_.io().restart();
  }

  testing::KeptLog log_;
  Loop loop_;
  Readiness& readiness_ = Readiness::of(loop_);
};

TEST_F(ReadinessTest, ASocketClosedInABatchIsToldNothingOfIt) {
  End a(readiness_), b(readiness_);
  const auto close_other = [](End& other) { return [&other] { other.watched->close(); }; };
  wait(a, close_other(b));
  wait(b, close_other(a));
  settle();
  a.poke();
  b.poke();
  loop_.run();
  EXPECT_EQ(a.outcome, "told");
  EXPECT_EQ(b.outcome, "disturbed");
}

TEST_F(ReadinessTest, ASocketMayCloseItselfWhenTold) {
  End a(readiness_), b(readiness_);
  wait(a, [&] { a.watched.reset(); });
  wait(b);
  settle();
  a.poke();
  b.poke();
  loop_.run();
  EXPECT_EQ(a.outcome, "told");
  EXPECT_EQ(b.outcome, "told");
}

TEST_F(ReadinessTest, TheNextOwnerOfANumberIsToldNothingOfTheLast) {
  End a(readiness_), b(readiness_);
  const int number = b.watched->descriptor();
  const auto* const place = &*b.watched;
  wait(a, [&] {
    b.watched.reset();
    b.watched.emplace(readiness_);  // at the same place in memory, too
    int both[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, both), 0);
    ASSERT_EQ(b.watched->open(both[0]), 0);
    ASSERT_EQ(b.watched->descriptor(), number);
    ASSERT_EQ(&*b.watched, place);
    ::close(std::exchange(b.other, both[1]));
    b.watched->reading.maybe_ready = false;
    wait(b);
  });
  settle();
  a.poke();
  b.poke();
  settle();
  EXPECT_EQ(a.outcome, "told");
  EXPECT_EQ(b.outcome, "") << "that was for the last owner";
  EXPECT_FALSE(b.watched->reading.maybe_ready);
  b.poke();
  loop_.run();
  EXPECT_EQ(b.outcome, "told");
}

Task<void> hold(std::unique_ptr<End> end) { co_await end->watched->suspend(end->watched->reading); }

TEST_F(ReadinessTest, WhatIsOpenedAgainLeavesNoTraceWhenItCloses) {
  auto loop = std::make_unique<Loop>();
  auto a = std::make_unique<End>(Readiness::of(*loop)), b = std::make_unique<End>(Readiness::of(*loop));
  auto c = std::make_unique<End>(Readiness::of(*loop));
  b->watched->close();  // with a neighbour on either side
  ASSERT_EQ(b->watched->open(::dup(b->other)), 0);
  b.reset();
  for (std::unique_ptr<End>* end : {&a, &c})
    net::spawn(*loop, hold(std::move(*end)), "test", log_.log());
  loop->io().poll();
  loop.reset();  // goes through all that are there
  EXPECT_TRUE(log_.lines().empty());
}

TEST_F(ReadinessTest, AConnectionThatAnotherProcessHoldsTooIsNoLongerTold) {
  End a(readiness_);
  const int elsewhere = ::dup(a.watched->descriptor());  // as a child has it between fork and exec
  const int peer = ::dup(a.other);
  a.watched.reset();
  a.watched.emplace(readiness_);  // at the same place in memory
  int both[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, both), 0);
  ASSERT_EQ(a.watched->open(both[0]), 0);
  ::close(std::exchange(a.other, both[1]));
  wait(a);
  settle();
  ASSERT_EQ(::send(peer, "x", 1, 0), 1);
  settle();
  EXPECT_EQ(a.outcome, "") << "that was for the last owner";
  a.poke();
  loop_.run();
  EXPECT_EQ(a.outcome, "told");
  ::close(elsewhere);
  ::close(peer);
}

TEST_F(ReadinessTest, OneOfThousandsThatAreIdleIsToldAloneAndTheLoopMayDie) {
  base::raise_file_limit();
  rlimit files{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &files), 0);
  const std::size_t count = std::min<std::size_t>(4'000, (files.rlim_cur - 100) / 2);
  auto loop = std::make_unique<Loop>();
  std::vector<std::unique_ptr<End>> all;
  for (std::size_t i = 0; i < count; ++i) {
    all.push_back(std::make_unique<End>(Readiness::of(*loop)));
    net::spawn(*loop, note_told(*all.back(), nullptr), "test", log_.log());
  }
  loop->io().poll();
  all[count / 2]->poke();
  loop->io().poll();
  for (std::size_t i = 0; i < count; ++i)
    ASSERT_EQ(all[i]->outcome, i == count / 2 ? "told" : "") << i;
  all.clear();
  loop.reset();
  EXPECT_TRUE(log_.lines().empty());
}

TEST_F(ReadinessTest, MoreThanABatchAreAllTold) {
  base::raise_file_limit();
  std::vector<std::unique_ptr<End>> all;
  for (int i = 0; i < 300; ++i) {
    all.push_back(std::make_unique<End>(readiness_));
    wait(*all.back());
  }
  settle();
  for (const auto& one : all)
    one->poke();
  loop_.run();
  for (const auto& one : all)
    EXPECT_EQ(one->outcome, "told");
}

/// Of `b`, asked by whoever is told of `a`.
TEST_F(ReadinessTest, KnowsWhatWasSilentWhenTheLoopLooked) {
  const struct {
    const char* name;
    bool expected;
    std::function<void(End&)> before;  ///< the loop looks
    std::function<void(End&)> in_turn;
  } rows[] = {
      {"silent", true, [](End&) {}, [](End&) {}},
      {"spoke", false, [](End& b) { b.poke(); }, [](End&) {}},
      {"hung up", false, [](End& b) { ::shutdown(b.other, SHUT_WR); }, [](End&) {}},
      {"went away", false, [](End& b) { ::close(std::exchange(b.other, -1)); }, [](End&) {}},
      {"read in this turn: it may have spoken since", false, [](End&) {}, [](End& b) { b.watched->note_drained(); }},
      {"spoke in this turn: that goes unnoticed", true, [](End&) {}, [](End& b) { b.poke(); }},
      {"never read", false, [](End& b) { b.watched->reading.maybe_ready = true; }, [](End&) {}},
  };
  for (const auto& row : rows) {
    End a(readiness_), b(readiness_);
    settle();
    b.watched->note_drained();
    EXPECT_FALSE(b.watched->was_silent()) << row.name << ": nobody has looked yet";
    std::optional<bool> silent;
    wait(a, [&] {
      row.in_turn(b);
      silent = b.watched->was_silent();
    });
    settle();
    a.poke();
    row.before(b);
    settle();
    EXPECT_EQ(silent, row.expected) << row.name;
    EXPECT_FALSE(b.watched->was_silent()) << row.name << ": the turn is over";
  }
}

TEST_F(ReadinessTest, WhatIsLeftForTheEndOfABatchRunsBehindAllOfIt) {
  End a(readiness_), b(readiness_);
  Texts steps;
  const auto note = [&](const char* name) {
    return [&, name] {
      EXPECT_TRUE(readiness_.is_telling());
      steps.emplace_back(name);
      readiness_.after_this([&] { steps.emplace_back("after"); });
    };
  };
  wait(a, note("a"));
  wait(b, note("b"));
  settle();
  a.poke();
  b.poke();
  loop_.run();
  EXPECT_EQ(steps, (Texts{"a", "b", "after", "after"}));
  EXPECT_FALSE(readiness_.is_telling());
}

TEST_F(ReadinessTest, ALoopEndsWhenNobodyWaitsAnyMore) {
  End a(readiness_);
  wait(a);
  settle();
  loop_.post([&] { a.watched->disturb(a.watched->reading); });
  loop_.run();  // and not until somebody pokes
  EXPECT_EQ(a.outcome, "disturbed");
  wait(a);
  settle();
  a.poke();
  loop_.run();
  EXPECT_EQ(a.outcome, "told");
}

}  // namespace
}  // namespace countersign::net
