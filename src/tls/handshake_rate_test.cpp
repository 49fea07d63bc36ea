#include "tls/handshake_rate.h"

#include <gtest/gtest.h>

namespace countersign::tls {
namespace {

using namespace std::chrono_literals;

constexpr HandshakeRate::Time kStart{};

/// How many of `times` handshakes of `source` may begin at `now`?
int spend(HandshakeRate& rate, const std::string& source, int times, HandshakeRate::Time now) {
  int granted = 0;
  for (int i = 0; i < times; ++i)
    granted += rate.spend(source, now) ? 1 : 0;
  return granted;
}

TEST(HandshakeRate, ABurstAndThenSoManyASecond) {
  HandshakeRate rate({.per_second = 10, .burst = 50});
  EXPECT_EQ(spend(rate, "a", 60, kStart), 50);
  EXPECT_EQ(spend(rate, "a", 60, kStart + 1s), 10);
  EXPECT_EQ(spend(rate, "a", 60, kStart + 1500ms), 5);
  EXPECT_EQ(spend(rate, "a", 60, kStart + 1h), 50);
}

TEST(HandshakeRate, OneSourceSpendsNothingOfAnother) {
  HandshakeRate rate({.per_second = 10, .burst = 5});
  EXPECT_EQ(spend(rate, "a", 100, kStart), 5);
  EXPECT_EQ(spend(rate, "b", 100, kStart), 5);
}

TEST(HandshakeRate, AClockThatStandsStillOrStepsBackGivesNothing) {
  HandshakeRate rate({.per_second = 10, .burst = 5});
  EXPECT_EQ(spend(rate, "a", 5, kStart + 10s), 5);
  EXPECT_EQ(spend(rate, "a", 5, kStart), 0);
}

TEST(HandshakeRate, SourcesThatWentAwayAreForgotten) {
  HandshakeRate rate({.per_second = 1, .burst = 2});
  for (int i = 0; i < 5'000; ++i)
    rate.spend("source " + std::to_string(i), kStart);
  EXPECT_EQ(rate.sources(), 5'000U);
  rate.spend("another", kStart + 10s);
  EXPECT_EQ(rate.sources(), 1U);
}

TEST(HandshakeRate, ManySourcesDoNotGrowWithoutBoundNorLockAnybodyOut) {
  HandshakeRate rate({.per_second = 1, .burst = 2});
  for (std::size_t i = 0; i < HandshakeRate::kSources + 1'000; ++i)
    EXPECT_TRUE(rate.spend("source " + std::to_string(i), kStart));
  EXPECT_EQ(rate.sources(), HandshakeRate::kSources);
}

}  // namespace
}  // namespace countersign::tls
