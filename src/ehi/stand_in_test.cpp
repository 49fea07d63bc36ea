#include "ehi/stand_in.h"

#include <gtest/gtest.h>

namespace countersign::ehi {
namespace {

Rule rule(std::string name, std::vector<std::string> when, std::string outcome, std::string body = "") {
  Rule made{.name = std::move(name), .when = {}, .outcome = std::move(outcome), .reply = {.body = std::move(body)}};
  for (const std::string& text : when)
    made.when.push_back(*Condition::parse(text));
  return made;
}

Fallback table() {
  return {.mode = Mode::stand_in,
          .rules = {rule("blocked", {"/blocked = true"}, "decline", "no"),
                    rule("small", {"/amount <= 50.00", "/currency in GBP|EUR"}, "approve", "yes")},
          .decline = {.status = 200, .body = "declined"}};
}

struct Row {
  std::string name;
  std::string body;
  std::string said;  ///< decided by, outcome, rule, body
};
class StandIn : public ::testing::TestWithParam<Row> {};

TEST_P(StandIn, TheFirstRuleThatFitsDecides) {
  const Outcome outcome = decide(table(), GetParam().body);
  EXPECT_EQ(
      std::string(name(outcome.decided_by)) + " " + outcome.outcome + " " + outcome.rule + " " + outcome.reply.body,
      GetParam().said);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, StandIn,
    ::testing::Values(Row{"small", R"({"amount":"12.50","currency":"GBP"})", "stand_in approve small yes"},
                      Row{"large", R"({"amount":"50.01","currency":"GBP"})", "decline decline  declined"},
                      Row{"other_currency", R"({"amount":"12.50","currency":"JPY"})", "decline decline  declined"},
                      Row{"first_of_two", R"({"amount":1,"currency":"GBP","blocked":true})",
                          "stand_in decline blocked no"},
                      Row{"not_json", "<amount>1</amount>", "decline decline  declined"},
                      Row{"nothing", "", "decline decline  declined"}),
    [](const auto& row) { return row.param.name; });

TEST(StandIn, OtherModesAskNoRule) {
  Fallback fallback = table();
  fallback.mode = Mode::decline;
  EXPECT_EQ(decide(fallback, R"({"amount":1,"currency":"GBP"})").reply.body, "declined");
  fallback.mode = Mode::advice_only;
  const Outcome outcome = decide(fallback, "{}");
  EXPECT_EQ(outcome.outcome, "undecided");
  EXPECT_EQ(outcome.reply.body, R"({"decided_by":"advice_only","outcome":"undecided"})");
}

struct AnswerRow {
  std::string name;
  int status;
  std::string body;
  std::string code;  ///< empty: acknowledged
};
class Acknowledged : public ::testing::TestWithParam<AnswerRow> {};

TEST_P(Acknowledged, ByStatusAndBody) {
  Acknowledgement wanted;
  wanted.conditions.push_back(*Condition::parse("/code = 00"));
  http::Response answer;
  answer.status = GetParam().status;
  answer.body = GetParam().body;
  const auto failure = check(wanted, answer);
  EXPECT_EQ(failure ? failure->code : "", GetParam().code);
}

INSTANTIATE_TEST_SUITE_P(Rows, Acknowledged,
                         ::testing::Values(AnswerRow{"good", 200, R"({"code":"00"})", ""},
                                           AnswerRow{"accepted", 202, R"({"code":"00"})", ""},
                                           AnswerRow{"other_code", 200, R"({"code":"05"})", "ehi.unacknowledged"},
                                           AnswerRow{"half", 200, R"({"code":"00")", "ehi.unacknowledged"},
                                           AnswerRow{"garbage", 200, "<html>", "ehi.unacknowledged"},
                                           AnswerRow{"failed", 500, R"({"code":"00"})", "ehi.unacknowledged"},
                                           AnswerRow{"redirected", 302, R"({"code":"00"})", "ehi.redirected"}),
                         [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace countersign::ehi
