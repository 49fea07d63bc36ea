#include "policy/account.h"

#include <thread>

#include <gtest/gtest.h>

namespace countersign::policy {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kNoon = 1'800'000'000 / kSecondsOfDay * kSecondsOfDay + kSecondsOfDay / 2;

Now at(double seconds) {
  return {static_cast<std::int64_t>(seconds * 1e9) + 5 * kSecond, kNoon + static_cast<std::int64_t>(seconds)};
}

TEST(RateMeter, GivesABurstAndThenTheRate) {
  RateMeter meter;
  const Rate rate{10, 5};
  for (int i = 0; i < 5; ++i)
    EXPECT_FALSE(meter.spend(rate, 0)) << i;
  const auto wait = meter.spend(rate, 0);
  ASSERT_TRUE(wait);
  EXPECT_EQ(*wait, kSecond / 10);
  EXPECT_TRUE(meter.spend(rate, *wait - 1)) << "a nanosecond too early";
  EXPECT_FALSE(meter.spend(rate, *wait));
  EXPECT_TRUE(meter.spend(rate, *wait));
  for (int i = 0; i < 5; ++i)
    EXPECT_FALSE(meter.spend(rate, 100 * kSecond)) << "after a pause the burst, and no more: " << i;
  EXPECT_TRUE(meter.spend(rate, 100 * kSecond));
}

TEST(RateMeter, WhatWasRefusedCostsNothing) {
  RateMeter meter;
  const Rate rate{1, 1};
  EXPECT_FALSE(meter.spend(rate, 0));
  for (int i = 0; i < 1000; ++i)
    EXPECT_TRUE(meter.spend(rate, i));
  EXPECT_FALSE(meter.spend(rate, kSecond));
}

TEST(RateMeter, AClockThatGoesBackGivesNothing) {
  RateMeter meter;
  const Rate rate{1, 1};
  EXPECT_FALSE(meter.spend(rate, 100 * kSecond));
  EXPECT_TRUE(meter.spend(rate, 50 * kSecond));
}

TEST(RateMeter, ADebtHasToPass) {
  RateMeter meter;
  const Rate rate{1'000, 1'000};  // bytes
  EXPECT_FALSE(meter.wait(rate, 0));
  meter.charge(rate, 10'000, 0);
  EXPECT_TRUE(meter.wait(rate, 0));
  EXPECT_TRUE(meter.wait(rate, 8 * kSecond));
  EXPECT_FALSE(meter.wait(rate, 10 * kSecond));
  meter.charge(rate, ~std::uint64_t{0}, 0);
  meter.charge(rate, ~std::uint64_t{0}, 0);
  EXPECT_GT(*meter.wait(rate, 0), 0) << "no overflow makes a debt disappear";
}

TEST(DayMeter, CountsUntilMidnight) {
  DayMeter meter;
  meter.charge(70, 20'000);
  meter.charge(30, 20'000);
  EXPECT_EQ(meter.used(20'000), 100U);
  EXPECT_EQ(meter.used(20'001), 0U);
  meter.charge(5, 20'001);
  meter.charge(7, 20'000);
  EXPECT_EQ(meter.used(20'001), 5U) << "a request that began yesterday";
  meter.charge(~std::uint64_t{0}, 20'001);
  EXPECT_GT(meter.used(20'001), std::uint64_t{1} << 40U);
}

struct Row {
  std::string name;
  Limits limits;
  int before;            ///< requests that are begun first, all let through, each with a body of 600 bytes both ways
  bool ended;            ///< they are over
  double later;          ///< seconds
  std::string expected;  ///< code, or "yes"
};
class Begins : public ::testing::TestWithParam<Row> {};

TEST_P(Begins, UntilALimit) {
  const Row& row = GetParam();
  Account account("a");
  for (int i = 0; i < row.before; ++i) {
    ASSERT_FALSE(account.begin(row.limits, at(0))) << i;
    account.charge_in(row.limits, 300, at(0));
    account.charge_out(row.limits, 300, at(0));
    if (row.ended) account.end();
  }
  const auto excess = account.begin(row.limits, at(row.later));
  EXPECT_EQ(excess ? explanation(excess->reason).code : "yes", row.expected);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, Begins,
    ::testing::Values(Row{"no_limits", {}, 1000, false, 0, "yes"},
                      Row{"last_of_a_burst", {.requests = Rate{1, 3}}, 2, true, 0, "yes"},
                      Row{"over_the_burst", {.requests = Rate{1, 3}}, 3, true, 0, "policy.too_fast"},
                      Row{"the_next_second", {.requests = Rate{1, 3}}, 3, true, 1, "yes"},
                      Row{"last_place", {.concurrent = 3}, 2, false, 0, "yes"},
                      Row{"no_place", {.concurrent = 3}, 3, false, 0, "policy.too_many_at_once"},
                      Row{"places_are_given_back", {.concurrent = 3}, 3, true, 0, "yes"},
                      Row{"bytes_in", {.bytes_in = Rate{100, 100}}, 1, true, 0, "policy.too_many_bytes"},
                      Row{"bytes_in_passed", {.bytes_in = Rate{100, 100}}, 1, true, 3, "yes"},
                      Row{"bytes_out", {.bytes_out = Rate{100, 100}}, 1, true, 0, "policy.too_many_bytes"},
                      Row{"bytes_out_passed", {.bytes_out = Rate{100, 100}}, 1, true, 3, "yes"},
                      Row{"day_in", {.bytes_in_per_day = 600}, 2, true, 3600, "policy.day_used_up"},
                      Row{"day_in_left", {.bytes_in_per_day = 601}, 2, true, 0, "yes"},
                      Row{"day_out", {.bytes_out_per_day = 600}, 2, true, 3600, "policy.day_used_up"},
                      Row{"tomorrow", {.bytes_out_per_day = 600}, 2, true, 13 * 3600.0, "yes"}),
    [](const auto& row) { return row.param.name; });

TEST(Account, SaysHowLongToWaitUntilMidnight) {
  Account account("a");
  const Limits limits{.bytes_in_per_day = 1};
  account.charge_in(limits, 1, at(0));
  EXPECT_EQ(account.begin(limits, at(0))->wait_nanos, kSecondsOfDay / 2 * kSecond);
}

/// Many threads at once: never more under way than allowed, never more let through than burst and rate give.
TEST(Account, HoldsItsLimitsOverThreads) {
  constexpr int kThreads = 8;
  constexpr int kTries = 20'000;
  constexpr std::uint32_t kPlaces = 3;
  const Limits limits{.requests = Rate{1000, 500}, .concurrent = kPlaces};
  Account account("a");
  std::atomic<std::uint32_t> inside{0};
  std::atomic<std::uint32_t> most{0};
  std::atomic<std::uint64_t> let_through{0};
  std::atomic<std::int64_t> clock{kSecond};
  const auto work = [&] {
    for (int i = 0; i < kTries; ++i) {
      const Now now{clock.fetch_add(10'000), kNoon};  // ten microseconds a try
      if (!account.begin(limits, now)) {
        const std::uint32_t here = inside.fetch_add(1) + 1;
        for (std::uint32_t seen = most; seen < here && !most.compare_exchange_weak(seen, here);) {
        }
        let_through.fetch_add(1);
        std::this_thread::yield();
        inside.fetch_sub(1);
      }
      account.end();
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i)
    threads.emplace_back(work);
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(account.live(), 0U);
  EXPECT_LE(most, kPlaces);
  const double seconds = kThreads * kTries * 1e-5;
  EXPECT_LE(let_through, 500U + static_cast<std::uint64_t>(seconds * 1000) + 1);
  EXPECT_GT(let_through, 500U);
}

TEST(Accounts, AreOneForEachNameAndForgottenOnlyAtRest) {
  Accounts accounts;
  const auto first = accounts.of("a", at(0));
  EXPECT_EQ(accounts.of("a", at(0)), first);
  EXPECT_NE(accounts.of("b", at(0)), first);
  const Limits limits{.bytes_in_per_day = 1};
  accounts.of("busy", at(0))->charge_in(limits, 1, at(0));
  accounts.of("idle", at(0))->count_permitted();
  for (std::size_t i = 0; i < Accounts::kMost; ++i)
    accounts.of("n" + std::to_string(i), at(0));
  EXPECT_LT(accounts.all().size(), 100U);
  EXPECT_EQ(accounts.of("a", at(0)), first) << "a connection uses it";
  EXPECT_TRUE(accounts.of("busy", at(0))->begin(limits, at(0))) << "its day is used up";
  EXPECT_EQ(accounts.of("idle", at(0))->permitted(), 0U);
}

}  // namespace
}  // namespace countersign::policy
