// What the authority is told of partners' servers: full statements, told when they change and while they go on.
#include "feed/endpoint_reports.h"

#include <gtest/gtest.h>

#include "testing/code_of.h"

namespace countersign::feed {
namespace {

using enum EndpointState;
using std::chrono::seconds;
using testing::code_of;

constexpr base::Instant kNow = base::Instant::from_unix_seconds(1'800'000'000);

EndpointReport which(const std::string& calls = "decisions") {
  return {base::Environment::production, *base::Slug::parse("acme"), "https://ehi.acme.example/decide", "acme-cards",
          calls};
}

class EndpointReportsTest : public ::testing::Test {
 protected:
  /// "state code times", of each that is due.
  std::string take(base::Duration after = {}) {
    std::string text;
    for (const EndpointReport& one : reports.take(kNow + after))
      text += std::string(name(one.state)) + " " + one.code + " " + std::to_string(one.times) + ";";
    return text;
  }
  EndpointReports reports;
  EndpointReports::Site& site = reports.add(which());
};

TEST_F(EndpointReportsTest, AreToldWhenTheyChangeAndWhileTroubleGoesOn) {
  EXPECT_EQ(take(), "") << "nobody was called yet";
  site.answered();
  EXPECT_EQ(take(), "up  0;");
  site.answered();
  EXPECT_EQ(take(seconds(600)), "") << "that is known";
  site.failed({.code = "ehi.refused", .reason = trust::Reason::expired}, kNow);
  EXPECT_EQ(take(seconds(4)), "") << "too soon";
  EXPECT_EQ(take(seconds(5)), "refused ehi.refused 1;");
  site.failed({.code = "ehi.refused", .reason = trust::Reason::expired}, kNow + seconds(6));
  EXPECT_EQ(take(seconds(64)), "") << "the same";
  EXPECT_EQ(take(seconds(65)), "refused ehi.refused 2;") << "it goes on";
  site.failed({.code = "ehi.refused", .reason = trust::Reason::wrong_name}, kNow + seconds(66));
  EXPECT_EQ(take(seconds(70)), "refused ehi.refused 3;") << "for another reason";
  site.failed({.code = "ehi.unreachable"}, kNow + seconds(71));
  EXPECT_EQ(take(seconds(75)), "unreachable ehi.unreachable 4;");
  site.answered();
  EXPECT_EQ(take(seconds(80)), "up ehi.unreachable 4;");
  EXPECT_EQ(take(seconds(8000)), "");
  site.failed({.code = "ehi.timeout"}, kNow + seconds(8001));
  EXPECT_EQ(take(seconds(8001)), "unreachable ehi.timeout 1;") << "counted afresh";
}

TEST_F(EndpointReportsTest, AHandshakeEndsWhatItDisproves) {
  const struct {
    const char* code;
    EndpointState after;
  } rows[] = {{"ehi.refused", up},
              {"ehi.pin_mismatch", up},
              {"ehi.no_staple", up},
              {"ehi.no_tls", up},
              {"ehi.unreachable", up},
              {"ehi.redirected", refused},
              {"ehi.timeout", unreachable},
              {"ehi.refused_by_partner", unreachable},
              {"ehi.bad_answer", unreachable}};
  EXPECT_EQ(std::size(rows), endpoint_troubles().size());
  for (const auto& row : rows) {
    EndpointReports::Site& one = reports.add(which(row.code));
    one.failed({.code = row.code}, kNow);
    one.shook_hands();
    EXPECT_EQ(one.state(), row.after) << row.code;
    one.answered();
    EXPECT_EQ(one.state(), up) << row.code;
  }
  site.shook_hands();
  EXPECT_EQ(reports.take(kNow).size(), std::size(rows)) << "of one that was not called nothing is known";
}

TEST_F(EndpointReportsTest, OnlyAnAnswerEndsATroubleThatWasOfAnswersAtAnyTime) {
  site.failed({.code = "ehi.timeout"}, kNow);
  site.failed({.code = "ehi.unreachable"}, kNow + seconds(1));
  site.shook_hands();
  EXPECT_EQ(site.state(), unreachable) << "it was started again, and may hang again";
  site.answered();
  site.failed({.code = "ehi.unreachable"}, kNow + seconds(2));
  site.shook_hands();
  EXPECT_EQ(site.state(), up) << "another trouble";
}

TEST_F(EndpointReportsTest, ATroubleThatNobodyMeetsAnyMoreIsToldNoMore) {
  site.failed({.code = "ehi.refused", .reason = trust::Reason::expired}, kNow);
  EXPECT_EQ(take(), "refused ehi.refused 1;");
  EXPECT_EQ(take(seconds(899)), "refused ehi.refused 1;");
  EXPECT_EQ(take(seconds(1200)), "");
  site.failed({.code = "ehi.refused", .reason = trust::Reason::expired}, kNow + seconds(1201));
  EXPECT_EQ(take(seconds(1201)), "refused ehi.refused 2;") << "it was met again";
  site.answered();
  EXPECT_EQ(take(seconds(9000)), "up ehi.refused 2;") << "that calls get through is told however late";
}

TEST_F(EndpointReportsTest, AreNotAboutOurOwnFaults) {
  for (const char* ours : {"ehi.no_certificate", "ehi.no_signature", "ehi.busy", "ehi.unacknowledged"})
    site.failed({.code = ours}, kNow);
  EXPECT_EQ(take(), "");
}

TEST_F(EndpointReportsTest, AreToldAgainWhereTheAuthorityWasAway) {
  site.failed({.code = "ehi.no_tls"}, kNow);
  const auto untold = reports.take(kNow);
  ASSERT_EQ(untold.size(), 1U);
  EXPECT_EQ(take(seconds(1)), "");
  reports.give_back(untold);
  site.answered();
  EXPECT_EQ(take(seconds(1)), "up ehi.no_tls 1;") << "as it is now";
}

TEST_F(EndpointReportsTest, AreToldInBatches) {
  for (std::size_t i = 0; i < EndpointReports::kBatch + 10; ++i)
    reports.add(which("calls-" + std::to_string(i))).answered();
  EXPECT_EQ(reports.take(kNow).size(), EndpointReports::kBatch);
  EXPECT_EQ(reports.take(kNow).size(), 10U);
  EXPECT_EQ(reports.take(kNow).size(), 0U);
}

TEST_F(EndpointReportsTest, HoldNothingUpWhenTheClockIsPutBack) {
  site.answered();
  (void)take(seconds(1000));
  site.failed({.code = "ehi.no_tls"}, kNow);
  EXPECT_EQ(take(), "refused ehi.no_tls 1;");
}

TEST_F(EndpointReportsTest, SayOnceThatAServerIsNotKnown) {
  site.answered();
  const auto told = reports.take(kNow);
  const std::string answer = R"({"noted":0,"unknown":["https://ehi.acme.example/decide"]})";
  EXPECT_EQ(reports.heard(told, answer).size(), 1U);
  EXPECT_EQ(reports.heard(told, answer).size(), 0U);
  EXPECT_EQ(reports.heard(told, R"({"noted":1,"unknown":[]})").size(), 0U);
  EXPECT_EQ(reports.heard(told, answer).size(), 1U) << "it was removed";
  EXPECT_EQ(reports.heard(told, "no JSON").size(), 0U);
}

TEST_F(EndpointReportsTest, AreReadAsTheyWereWritten) {
  site.failed({.code = "ehi.refused",
               .reason = trust::Reason::expired,
               .detail = std::string("a\n\xff") + std::string(600, 'b')},
              kNow);
  reports.add(which("advices")).answered();
  const auto told = reports.take(kNow);
  const auto text = base::json::serialize(to_json(told));
  const auto read = endpoint_reports_from_json(*base::parse_json(text));
  ASSERT_TRUE(read && read->size() == 2U) << code_of(read);
  const EndpointReport& one = read->front();
  EXPECT_EQ(one.organisation.text() + " " + one.url + " " + one.endpoint + " " + one.calls,
            "acme https://ehi.acme.example/decide acme-cards decisions");
  EXPECT_EQ(one.state, refused);
  EXPECT_EQ(one.reason, trust::Reason::expired);
  EXPECT_EQ(one.detail, "a??" + std::string(497, 'b'));
  EXPECT_EQ(one.first, kNow);
  EXPECT_EQ(read->back().state, up);
}

TEST_F(EndpointReportsTest, AreRefusedWhereTheyMakeNoSense) {
  struct Row {
    const char* name;
    const char* from;
    std::string to;
    const char* code;
    std::size_t read;
  };
  const Row rows[] = {
      {"good", "", "", "ok", 1},
      {"of a code that is not known here", "ehi.no_tls", "ehi.of_tomorrow", "ok", 0},
      {"of a reason that is not known here", R"("detail":"")", R"("detail":"","reason":"of_tomorrow")", "ok", 0},
      {"of a state that is not known here", R"("state":"refused")", R"("state":"asleep")", "ok", 0},
      {"of another state", "ehi.no_tls", "ehi.timeout", "endpoint_reports.invalid", 0},
      {"never", R"("times":1)", R"("times":0)", "endpoint_reports.invalid", 0},
      {"back to front", R"("last":1800000000)", R"("last":1)", "endpoint_reports.invalid", 0},
      {"at length", R"("detail":"")", R"("detail":")" + std::string(501, 'a') + "\"", "endpoint_reports.invalid", 0},
      {"of a long URL", "/decide", "/" + std::string(1024, 'a'), "endpoint_reports.invalid", 0},
      {"with an escape in its detail", R"("detail":"")", R"("detail":"\u001b[2J")", "endpoint_reports.invalid", 0},
      {"with a C1 control in its detail", R"("detail":"")", R"("detail":"\u009b2J")", "endpoint_reports.invalid", 0},
      {"with words of another direction", "acme-cards", R"(acme\u202ecards)", "endpoint_reports.invalid", 0},
      {"of calls with a line end", R"("decisions")", R"("deci\nsions")", "endpoint_reports.invalid", 0},
      {"of a URL that is not printable", "/decide", R"(/\u0007)", "endpoint_reports.invalid", 0},
      {"of no endpoint", "acme-cards", "", "endpoint_reports.invalid", 0},
      {"of no organisation", R"("acme")", R"("A B")", "slug.invalid", 0},
      {"with more", R"("detail":"")", R"("detail":"","more":1)", "json.unknown_member", 0},
  };
  site.failed({.code = "ehi.no_tls"}, kNow);
  const std::string good = base::json::serialize(to_json(reports.take(kNow)));
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    std::string text = good;
    const std::string from = row.from;
    if (!from.empty()) text.replace(text.find(from), from.size(), row.to);
    const auto read = endpoint_reports_from_json(*base::parse_json(text));
    EXPECT_EQ(code_of(read), row.code) << text;
    EXPECT_EQ(read ? read->size() : 0U, row.read);
  }
  base::json::array many(EndpointReports::kBatch + 1, base::json::object());
  EXPECT_EQ(code_of(endpoint_reports_from_json(base::json::object{{"reports", many}})), "endpoint_reports.too_many");
}

TEST(EndpointTroubles, SayWhatToDo) {
  for (const EndpointTrouble& one : endpoint_troubles()) {
    EXPECT_NE(one.state, up) << one.code;
    EXPECT_TRUE(one.meaning.ends_with(".") && one.remedy.ends_with(".")) << one.code;
  }
}

}  // namespace
}  // namespace countersign::feed
