// Waiting for approval: how often is asked, when it ends, and what is printed.
#include "cli/pending.h"

#include <algorithm>
#include <sstream>

#include <gtest/gtest.h>

#include "testing/code_of.h"
#include "testing/fake_clock.h"
#include "testing/run.h"

namespace countersign::cli {
namespace {

using namespace std::chrono_literals;
using testing::code_of;

Pending pending(std::int64_t given, base::Duration retry_after = 60s) { return {"r1", given, 2, retry_after}; }
base::Error error(base::Kind kind, const char* code) { return {kind, code, ""}; }

class WaitingTest : public ::testing::Test {
 protected:
  using Answer = base::Result<Outcome>;
  Answer wait(base::Duration for_at_most, std::vector<Answer> answers) {
    asked_ = 0;
    paused_.clear();
    const auto ask = [&]() -> Answer { return answers[std::min(asked_++, answers.size() - 1)]; };
    return ask_until_decided(ask, {for_at_most, [this](base::Duration d) { paused_.push_back(d); }}, context_);
  }
  static Answer no(base::Kind kind, const char* code) { return base::unexpected(error(kind, code)); }

  std::size_t asked_ = 0;
  std::vector<base::Duration> paused_;
  testing::KeptLog log_;
  testing::FakeClock clock_{base::Instant::from_unix_seconds(1'781'524'800)};
  std::ostringstream out_;
  std::ostringstream err_;
  Context context_{out_, err_, clock_, log_.log()};
};

TEST_F(WaitingTest, WithoutPatienceOneQuestionIsAsked) {
  const Answer answer = wait(0s, {pending(0)});
  ASSERT_TRUE(answer);
  EXPECT_TRUE(std::holds_alternative<Pending>(*answer));
  EXPECT_EQ(asked_, 1U);
  EXPECT_TRUE(paused_.empty());
  EXPECT_EQ(err_.str(), "");
}

TEST_F(WaitingTest, AsksAsOftenAsItMayUntilTheTimeIsUp) {
  const Answer answer = wait(150s, {pending(0), pending(0), pending(1), pending(1)});
  ASSERT_TRUE(answer);
  EXPECT_EQ(std::get<Pending>(*answer).given, 1);
  EXPECT_EQ(paused_, (std::vector<base::Duration>{60s, 60s, 30s}));
  EXPECT_NE(err_.str().find("0 of 2"), std::string::npos);
  EXPECT_NE(err_.str().find("1 of 2"), std::string::npos);
}

TEST_F(WaitingTest, ARefusalEndsItAndAnAuthorityThatIsAwayDoesNot) {
  EXPECT_EQ(code_of(wait(1h, {pending(0), no(base::Kind::denied, "request.refused")})), "request.refused");
  EXPECT_EQ(asked_, 2U);
  EXPECT_EQ(code_of(wait(1h, {pending(0), no(base::Kind::unavailable, "authority.unreachable"),
                              no(base::Kind::timeout, "net.timeout"), no(base::Kind::denied, "code.expired")})),
            "code.expired");
  EXPECT_EQ(asked_, 4U);
  EXPECT_EQ(code_of(wait(1h, {no(base::Kind::unavailable, "authority.unreachable")})), "authority.unreachable");
  EXPECT_EQ(asked_, 1U) << "before it is pending, there is nothing to wait for";
}

TEST_F(WaitingTest, TellsWhatWaitsAndEndsWithCode3) {
  EXPECT_EQ(print_pending(pending(1), {"transport", "the same command", true}, context_), base::ExitCode::unavailable);
  EXPECT_EQ(out_.str(),
            "{\"status\":\"pending\",\"purpose\":\"transport\",\"request\":\"r1\",\"approvals\":1,\"needed\":2,"
            "\"retry_after\":60}\n");
  out_.str("");
  print_pending(pending(1), {"transport", "the same command", false}, context_);
  EXPECT_TRUE(out_.str().starts_with("Request r1 waits for approval by the provider: 1 of 2 approvals given"))
      << out_.str();
}

}  // namespace
}  // namespace countersign::cli
