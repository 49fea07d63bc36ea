// Traces, histograms, counts of partners, and the WebSocket handshake: what is read one way, or not at all.
#include <functional>

#include <gtest/gtest.h>

#include "gateway/observe/counts.h"
#include "gateway/observe/histogram.h"
#include "gateway/readiness.h"
#include "gateway/trace.h"
#include "gateway/websocket.h"

namespace countersign::gateway {
namespace {

const std::string kTrace = "4bf92f3577b34da6a3ce929d0e0e4736";
const std::string kGood = "00-" + kTrace + "-00f067aa0ba902b7-01";

struct Row {
  std::string name;
  std::string text;
  bool good;
};
class Traceparents : public ::testing::TestWithParam<Row> {};

TEST_P(Traceparents, AreContinuedOrNot) { EXPECT_EQ(is_traceparent(GetParam().text), GetParam().good); }

std::string changed(std::size_t at, char to) {
  std::string text = kGood;
  text[at] = to;
  return text;
}

INSTANTIATE_TEST_SUITE_P(
    Rows, Traceparents,
    ::testing::Values(Row{"good", kGood, true}, Row{"not_sampled", changed(54, '0'), true},
                      Row{"unknown_flags", changed(53, 'f'), true}, Row{"later_version", changed(1, '1'), true},
                      Row{"later_version_with_more", changed(1, '1') + "-what-will-be", true},
                      Row{"later_version_that_goes_on", changed(1, '1') + "x", false},
                      Row{"first_version_with_more", kGood + "-x", false},
                      Row{"version_ff", "ff" + kGood.substr(2), false}, Row{"upper_case", changed(3, 'A'), false},
                      Row{"not_hexadecimal", changed(3, 'g'), false},
                      Row{"no_trace", "00-" + std::string(32, '0') + "-00f067aa0ba902b7-01", false},
                      Row{"no_parent", "00-" + kTrace + "-" + std::string(16, '0') + "-01", false},
                      Row{"wrong_separator", changed(35, '_'), false}, Row{"one_short", kGood.substr(0, 54), false},
                      Row{"empty", "", false}),
    [](const auto& row) { return row.param.name; });

TraceContext trace_of(const http::Fields& fields, unsigned percent = 100) {
  Dice dice(1);
  return TraceContext::continue_or_begin(fields, {.percent = percent}, dice);
}

TEST(Trace, OfTheCallerGoesOnUnderOurSpan) {
  http::Fields fields;
  fields.add("Traceparent", kGood);
  const TraceContext trace = trace_of(fields);
  EXPECT_TRUE(trace.is_continued());
  EXPECT_EQ(trace.trace_id(), kTrace);
  EXPECT_TRUE(is_traceparent(trace.field()));
  EXPECT_EQ(trace.field().find("00f067aa0ba902b7"), std::string::npos);
  EXPECT_TRUE(trace.field().ends_with("-01"));
}

TEST(Trace, OfTheCallerKeepsWhetherItIsSampled) {
  http::Fields fields;
  fields.add("traceparent", changed(54, '0'));
  EXPECT_TRUE(trace_of(fields).field().ends_with("-00"));
}

TEST(Trace, BeginsWhereTheCallerSaysNothingOrTwoThings) {
  http::Fields fields;
  EXPECT_FALSE(trace_of(fields).is_continued());
  EXPECT_TRUE(is_traceparent(trace_of(fields).field()));
  EXPECT_TRUE(trace_of(fields, 100).field().ends_with("-01"));
  EXPECT_TRUE(trace_of(fields, 0).field().ends_with("-00"));
  fields.add("traceparent", kGood);
  fields.add("traceparent", kGood);
  EXPECT_FALSE(trace_of(fields).is_continued());
}

TEST(Histogram, CountsIntoItsBuckets) {
  Histogram histogram;
  histogram.observe(std::chrono::microseconds(500));
  histogram.observe(std::chrono::microseconds(501));
  histogram.observe(std::chrono::minutes(2));
  histogram.observe(std::chrono::microseconds(-5));
  EXPECT_EQ(histogram.count(), 4U);
  const std::string text = histogram.to_text("x", "a=\"b\"");
  for (const char* line :
       {"countersign_gateway_x_bucket{a=\"b\",le=\"0.0005\"} 2\n",
        "countersign_gateway_x_bucket{a=\"b\",le=\"0.001\"} 3\n", "countersign_gateway_x_bucket{a=\"b\",le=\"60\"} 3\n",
        "countersign_gateway_x_bucket{a=\"b\",le=\"+Inf\"} 4\n", "countersign_gateway_x_sum{a=\"b\"} 120.001\n",
        "countersign_gateway_x_count{a=\"b\"} 4\n"})
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
}

TEST(Metrics, LabelsCannotBreakTheirLine) {
  EXPECT_EQ(base::metric_label("path", "a\"b\\c\nd"), "path=\"a\\\"b\\\\c\\nd\"");
}

TEST(Partners, AreBounded) {
  PartnerCounts counts;
  for (std::size_t i = 0; i < PartnerCounts::kPartners + 10; ++i)
    counts.accepted("org-" + std::to_string(i));
  counts.refused("org-0", trust::Reason::revoked);
  const std::string text = counts.to_text();
  EXPECT_NE(text.find("{organisation=\"(other)\",outcome=\"accepted\"} 10\n"), std::string::npos);
  EXPECT_NE(text.find("{organisation=\"org-0\",outcome=\"revoked\"} 1\n"), std::string::npos);
}

struct ReadyRow {
  std::string name;
  Readiness now;
  bool ready;
};
class Ready : public ::testing::TestWithParam<ReadyRow> {};

TEST_P(Ready, OrNot) { EXPECT_EQ(why_not_ready(GetParam().now).empty(), GetParam().ready); }

INSTANTIATE_TEST_SUITE_P(
    Rows, Ready,
    ::testing::Values(ReadyRow{"without_limit", {.feed_age_seconds = 1e9}, true},
                      ReadyRow{"without_limit_nor_answer", {.feed_age_seconds = -1}, true},
                      ReadyRow{"young", {.oldest_feed = std::chrono::minutes(2), .feed_age_seconds = 119}, true},
                      ReadyRow{"old", {.oldest_feed = std::chrono::minutes(2), .feed_age_seconds = 121}, false},
                      ReadyRow{
                          "no_answer_yet", {.oldest_feed = std::chrono::minutes(2), .feed_age_seconds = -1}, false},
                      ReadyRow{"awaits_a_staple", {.feed_age_seconds = 1, .awaits_staple = true}, false},
                      ReadyRow{"draining", {.draining = true, .feed_age_seconds = 1}, false}),
    [](const auto& row) { return row.param.name; });

struct Handshake {
  std::string name;
  std::function<void(http::RequestHead&)> change;
  bool good;
};
class WebSockets : public ::testing::TestWithParam<Handshake> {};

TEST_P(WebSockets, AreOpenedByTheirHandshakeOnly) {
  http::RequestHead head;
  head.method = "GET";
  head.target = "/";
  for (const auto& [name, value] :
       {std::pair("Connection", "keep-alive, Upgrade"), std::pair("Upgrade", "websocket"),
        std::pair("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="), std::pair("Sec-WebSocket-Version", "13")})
    head.fields.add(name, value);
  GetParam().change(head);
  EXPECT_EQ(is_websocket_request(head), GetParam().good);
}

auto with(std::string name, std::string value) {
  return [name, value](http::RequestHead& head) { head.fields.set(name, value); };
}
auto also(std::string name, std::string value) {
  return [name, value](http::RequestHead& head) { head.fields.add(name, value); };
}

INSTANTIATE_TEST_SUITE_P(
    Rows, WebSockets,
    ::testing::Values(Handshake{"good", [](http::RequestHead&) {}, true},
                      Handshake{"any_case", with("Upgrade", "WebSocket"), true},
                      Handshake{"post", [](http::RequestHead& head) { head.method = "POST"; }, false},
                      Handshake{"http_1_0", [](http::RequestHead& head) { head.minor_version = 0; }, false},
                      Handshake{"another_protocol", with("Upgrade", "h2c"), false},
                      Handshake{"two_protocols", with("Upgrade", "h2c, websocket"), false},
                      Handshake{"two_upgrades", also("Upgrade", "h2c"), false},
                      Handshake{"not_for_this_hop", with("Connection", "keep-alive"), false},
                      Handshake{"short_key", with("Sec-WebSocket-Key", "dGhlIHNhbXBsZQ=="), false},
                      Handshake{"two_keys", also("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="), false},
                      Handshake{"old_version", with("Sec-WebSocket-Version", "8"), false}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace countersign::gateway
