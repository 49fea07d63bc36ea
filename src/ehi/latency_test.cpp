#include "ehi/latency.h"

#include <gtest/gtest.h>

namespace countersign::ehi {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Latency::Time kNow{seconds(1000)};

TEST(Latency, PercentilesAreAtMostNinePercentTooHigh) {
  Latency latency;
  for (int i = 1; i <= 1000; ++i)
    latency.observe(milliseconds(i), kNow);
  for (const auto& [part, exact] : {std::pair{0.5, 500}, {0.9, 900}, {0.99, 990}, {0.999, 999}}) {
    const auto told = static_cast<double>(latency.quantile(part, kNow).count());
    EXPECT_GE(told, exact * 1000.0);
    EXPECT_LE(told, exact * 1000.0 * 1.0906);
  }
}

TEST(Latency, WhatIsLongAgoIsForgotten) {
  Latency latency;
  latency.observe(milliseconds(100), kNow);
  EXPECT_GE(latency.quantile(0.5, kNow + seconds(61)), milliseconds(100)) << "of the window before";
  EXPECT_EQ(latency.quantile(0.5, kNow + seconds(200)).count(), 0);
}

TEST(Latency, WithoutCallsThereIsNothing) {
  Latency latency;
  EXPECT_EQ(latency.quantile(0.99, kNow).count(), 0);
}

TEST(Latency, TheShortestAndTheLongestHaveAPlace) {
  Latency latency;
  latency.observe(base::Duration(-5), kNow);
  latency.observe(std::chrono::hours(24), kNow);
  EXPECT_GT(latency.quantile(1, kNow), seconds(200));
  const std::string text = latency.to_text("call_seconds", "endpoint=\"acme\"", kNow);
  EXPECT_NE(text.find("countersign_ehi_call_seconds_count{endpoint=\"acme\"} 2\n"), std::string::npos) << text;
  EXPECT_NE(text.find("countersign_ehi_call_seconds{endpoint=\"acme\",quantile=\"0.5\"}"), std::string::npos) << text;
}

}  // namespace
}  // namespace countersign::ehi
