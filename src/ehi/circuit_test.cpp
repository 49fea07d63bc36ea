// When a site is called, when it is left, and when it is come back to: pure, with time as an argument.
#include "ehi/circuit.h"

#include <vector>

#include <gtest/gtest.h>

namespace countersign::ehi {
namespace {

using std::chrono::seconds;
using Change = Circuit::Change;

class CircuitTest : public ::testing::Test {
 protected:
  void fail(Circuit& circuit, Site site, int times) {
    for (int i = 0; i < times; ++i)
      last_ = circuit.failed(site, now_);
  }
  Circuit::Time now_{seconds(1000)};
  Change last_ = Change::none;
  const Circuit::Limits limits_{.failures = 3, .pause = seconds(5), .longest_pause = seconds(60)};
  Circuit two_{limits_, Circuit::Sites::two};
  Circuit one_{limits_, Circuit::Sites::one};
};

TEST_F(CircuitTest, FailuresInARowOpenIt) {
  fail(two_, Site::primary, 2);
  two_.answered(Site::primary);
  fail(two_, Site::primary, 2);
  EXPECT_EQ(two_.choose(), Site::primary) << "not in a row";
  fail(two_, Site::primary, 1);
  EXPECT_EQ(last_, Change::opened);
  EXPECT_EQ(two_.choose(), Site::recovery);
}

TEST_F(CircuitTest, WithoutARecoverySiteThereIsNowhereToGo) {
  fail(one_, Site::primary, 3);
  EXPECT_EQ(one_.choose(), std::nullopt);
  EXPECT_FALSE(one_.is_closed(Site::recovery));
}

TEST_F(CircuitTest, BothCanBeGone) {
  fail(two_, Site::primary, 3);
  fail(two_, Site::recovery, 3);
  EXPECT_EQ(two_.choose(), std::nullopt);
}

TEST_F(CircuitTest, AProbeThatGetsThroughIsTheWayBack) {
  fail(two_, Site::primary, 3);
  EXPECT_EQ(two_.take_probe(now_), std::nullopt) << "after a pause";
  now_ += seconds(5);
  EXPECT_EQ(two_.take_probe(now_), Site::primary);
  EXPECT_EQ(two_.take_probe(now_), std::nullopt) << "one at a time";
  EXPECT_EQ(two_.choose(), Site::recovery) << "calls are no probes";
  EXPECT_EQ(two_.probed(Site::primary, Circuit::Outcome::reached, now_), Change::closed);
  EXPECT_EQ(two_.choose(), Site::primary);
}

TEST_F(CircuitTest, PausesOfProbesDouble) {
  fail(one_, Site::primary, 3);
  std::vector<std::int64_t> pauses;
  for (int i = 0; i < 6; ++i) {
    const Circuit::Time begun = now_;
    while (!one_.take_probe(now_))
      now_ += seconds(1);
    pauses.push_back((now_ - begun) / seconds(1));
    EXPECT_EQ(one_.probed(Site::primary, Circuit::Outcome::unreached, now_), Change::none);
  }
  EXPECT_EQ(pauses, (std::vector<std::int64_t>{5, 10, 20, 40, 60, 60}));
}

TEST_F(CircuitTest, OnTrialOneFailureOpensItAgainForLonger) {
  fail(one_, Site::primary, 3);
  now_ += seconds(5);
  ASSERT_TRUE(one_.take_probe(now_));
  one_.probed(Site::primary, Circuit::Outcome::reached, now_);
  fail(one_, Site::primary, 1);
  EXPECT_EQ(last_, Change::opened);
  now_ += seconds(9);
  EXPECT_EQ(one_.take_probe(now_), std::nullopt);
  now_ += seconds(1);
  ASSERT_TRUE(one_.take_probe(now_));
  one_.probed(Site::primary, Circuit::Outcome::reached, now_);
  one_.answered(Site::primary);
  fail(one_, Site::primary, 2);
  EXPECT_EQ(one_.choose(), Site::primary) << "an answer ends the trial";
}

TEST_F(CircuitTest, AnAnswerFromBeforeDoesNotCloseWhatIsOpen) {
  fail(one_, Site::primary, 3);
  one_.answered(Site::primary);
  EXPECT_EQ(one_.choose(), std::nullopt);
}

}  // namespace
}  // namespace countersign::ehi
