// A request that waits - for room, for a connection, for the authority - ends with its client, and leaves its place.
#include "gateway/cut_test.h"
#include "http/h2_wire_test.h"

namespace countersign::gateway {
namespace {

struct WaitRow {
  std::string name;
  std::string site = "localhost";
  std::string say;
  bool over_http2 = false;
  bool behind_another = false;  ///< who has the only connection
  std::string event = "request";
};

class CutWaits : public Cut, public ::testing::WithParamInterface<WaitRow> {
 protected:
  void add() override {
    UpstreamSettings dark{.name = "dark", .addresses = {holding_.at()}, .times = {.connect = kNotByItself}};
    dark.tls.emplace();  // which the other end does not speak
    dark.tls->anchors = std::make_shared<const trust::TrustSet>(pki_.web_trust());
    config_.upstreams.push_back(dark);
    for (const std::string name : {"narrow", "dark"}) {
      Route route{.host = "*", .path = "/" + name, .upstream = {}};
      route.upstream_name = name;
      routes_.push_back(route);
    }
  }
  const UpstreamState::Counts& narrow() const { return generation_->upstreams()->named("narrow")->counts; }
  bool waits() const { return GetParam().behind_another ? narrow().pending == 1 : holding_.connections() == 1; }
};

std::string ask_over_http2(const std::string& path) {
  using namespace http;
  return hello() +
         frame(kHeaders, kEndHeaders | kEndStream, 1,
               block({{":method", "GET"}, {":scheme", "https"}, {":authority", "localhost"}, {":path", path}}));
}
std::string ask(const std::string& path) { return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n"; }

TEST_P(CutWaits, EndAtOnceAndLeaveTheirPlace) {
  const WaitRow& row = GetParam();
  net::Loop loop;
  bool looked = false;
  if (row.behind_another)
    net::spawn(loop,
               talk_to(loop, {.say = ask("/narrow"),
                              .there = [&] { return looked; },
                              .then = [&] { drain(std::chrono::milliseconds(100)); },
                              .as = other_}),
               "other", log_.log());
  const auto is_held = [&] { return !row.behind_another || !holding_.heard().empty(); };
  ASSERT_TRUE(testing::run(loop, poll(is_held)));
  net::spawn(loop,
             talk_to(loop, {.name = row.site,
                            .say = row.say,
                            .there = [&] { return waits(); },
                            .then = [&] { revoke(); },
                            .as = row.over_http2 ? context_h2_ : context_,
                            .hears_more = row.over_http2}),
             "client", log_.log());
  ASSERT_TRUE(testing::run(loop, poll([&] { return lines_with("\"event\":\"" + row.event + "\"") > 0; })));
  EXPECT_EQ(lines_with("\"code\":\"connection.cut\""), 1U) << "of the record of the request";
  EXPECT_EQ(narrow().pending, 0);
  EXPECT_EQ(lines_with("gateway.upstream_failed") + lines_with("token.call_failed"), 0U) << "it is nobody's fault";
  EXPECT_EQ(holding_.ended(), 0) << "and nobody else's harm";
  looked = true;
  loop.run();
}

INSTANTIATE_TEST_SUITE_P(
    Rows, CutWaits,
    ::testing::Values(
        WaitRow{.name = "for_room", .say = ask("/narrow"), .behind_another = true},
        WaitRow{.name = "for_room_over_http2",
                .say = ask_over_http2("/narrow"),
                .over_http2 = true,
                .behind_another = true},
        WaitRow{.name = "for_room_without_http",
                .site = "narrow.example",
                .say = "x",
                .behind_another = true,
                .event = "tcp"},
        WaitRow{.name = "for_a_connection", .say = ask("/dark")},
        WaitRow{.name = "for_a_connection_over_http2", .say = ask_over_http2("/dark"), .over_http2 = true},
        WaitRow{.name = "for_a_connection_without_http", .site = "dark.example", .say = "x", .event = "tcp"},
        WaitRow{.name = "for_the_authority",
                .say = "POST /oauth2/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 29\r\n"
                       "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
                       "grant_type=client_credentials"}),
    [](const auto& row) { return row.param.name; });

/// What was begun for who is gone is taken over by the next one, or ends in silence: also with the worker.
TEST_F(Cut, AWorkerMayDieWhileConnectionsAreOnTheirWayToNobody) {
  talk({.say = "POST /oauth2/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 29\r\n"
               "Content-Type: application/x-www-form-urlencoded\r\n\r\ngrant_type=client_credentials",
        .there = [&] { return holding_.connections() == 1; },
        .then = [&] { revoke(); }});
  EXPECT_TRUE(gets_line("\"code\":\"connection.cut\""));
  drain(std::chrono::milliseconds(100));
  worker_.reset();
}

}  // namespace
}  // namespace countersign::gateway
