// Whoever ends the client's connection ends what goes on behind it, too: at once, with its record, and without harm.
#include "gateway/cut_test.h"

#include "gateway/upstream/tunnel.h"
#include "net/proxy_protocol.h"

namespace countersign::gateway {
namespace {

TEST_F(Cut, ATcpConnectionWhoseClientHasSaidAllEndsWithItsRevocation) {
  talk({.name = "raw.example",
        .say = "all",
        .half_closes = true,
        .there = [&] { return holding_.ended() == 1; },
        .then = [&] { revoke(); }});
  EXPECT_TRUE(gets_line("\"event\":\"tcp\""));
  EXPECT_EQ(lines_with("\"code\":\"connection.cut\""), 1U);
}

TEST_F(Cut, AWebSocketWhoseClientHasSaidAllEndsWithItsRevocation) {
  talk({.say = kOpening,
        .await = "\r\n\r\n",
        .half_closes = true,
        .there = [&] { return switching_.ended() == 1; },
        .then = [&] { revoke(); }});
  EXPECT_TRUE(gets_line("\"event\":\"gateway.tunnel_ended\""));
  EXPECT_TRUE(gets_line("\"event\":\"request\""));
}

TEST_F(Cut, ARequestThatIsAnsweredByNobodyEndsWithARevocationAndIsNoFaultOfItsUpstream) {
  talk({.say = kAsk, .there = [&] { return !holding_.heard().empty(); }, .then = [&] { revoke(); }});
  EXPECT_TRUE(becomes([&] { return holding_.ended() == 1; }));
  EXPECT_TRUE(gets_line("\"event\":\"request\""));
  EXPECT_EQ(lines_with("gateway.upstream_failed"), 0U);
}

TEST_F(Cut, WhatADrainCutsHasItsRecord) {
  talk({.say = kAsk,
        .there = [&] { return !holding_.heard().empty(); },
        .then = [&] { drain(std::chrono::milliseconds(100)); }});
  EXPECT_EQ(lines_with("\"event\":\"request\""), 1U);
}

TEST_F(Cut, AndSoHasATcpConnectionThatItCuts) {
  talk({.name = "raw.example",
        .say = "all",
        .half_closes = true,
        .there = [&] { return holding_.ended() == 1; },
        .then = [&] { drain(std::chrono::milliseconds(100)); }});
  EXPECT_EQ(lines_with("\"event\":\"tcp\""), 1U);
}

TEST_F(Cut, ATcpConnectionThatWaitsForRoomReachesNobodyOnceItIsCut) {
  const auto& pending = generation_->upstreams()->named("narrow")->counts.pending;
  net::Loop loop;
  for (int i = 0; i < 2; ++i)
    net::spawn(loop,
               talk_to(loop, {.name = "narrow.example",
                              .say = "x",
                              .there = [&] { return pending == 1 || lines_with("connection.cut") > 0; },
                              .then = [&, i] { i == 0 ? revoke() : void(); }}),
               "client", log_.log());
  loop.run();
  EXPECT_TRUE(becomes([&] { return lines_with("\"event\":\"tcp\"") == 2; }));
  EXPECT_EQ(holding_.connections(), 1);
}

TEST_F(Cut, AnUpstreamOfATcpSiteIsToldToWhichAddressItsClientCame) {
  talk({.name = "told.example",
        .say = "x",
        .there = [&] { return holding_.heard().ends_with("x"); },
        .then = [&] { revoke(); }});
  const std::string heard = holding_.heard();
  const std::size_t more = static_cast<unsigned char>(heard[14]) * 256U + static_cast<unsigned char>(heard[15]);
  const auto whole = net::parse_proxy_header(base::as_bytes(heard.substr(0, 16 + more)));
  ASSERT_TRUE(whole) << base::to_string(whole.error());
  EXPECT_EQ(whole->destination, (net::Endpoint{"127.0.0.1", port("door")})) << "and not the wildcard it listens on";
}

/// The frame of a call lives as long as the loop, which is longer than what the call counted itself in.
TEST_F(Cut, AWorkerMayDieWhileTheAuthorityIsSilent) {
  talk({.say = "POST /oauth2/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 29\r\n"
               "Content-Type: application/x-www-form-urlencoded\r\n\r\ngrant_type=client_credentials",
        .there = [&] { return holding_.connections() == 1; },
        .then = [&] { drain(std::chrono::milliseconds(100)); }});
  worker_.reset();
}

/// Holds the way up for a while, as a limit of bytes a second does.
class Slow final : public TunnelMeter {
 public:
  net::Task<base::Result<void>> passed(TunnelWay way, std::uint64_t) override {
    if (way == TunnelWay::up) co_await net::sleep_until(net::Deadline::after(std::chrono::milliseconds(400)));
    co_return base::Result<void>();
  }
  void end() noexcept override {}
};

struct TwoPairs {
  net::Listener listener;
  std::vector<net::Socket> near = {};  ///< the tunnel's: client, upstream
  std::vector<net::Socket> far = {};
};

net::Task<void> make_pairs(net::Loop& loop, TwoPairs& pairs) {
  for (int i = 0; i < 2; ++i) {
    net::Endpoint to = pairs.listener.local();
    auto far = co_await net::Socket::connect(loop, std::move(to), soon());
    auto near = co_await pairs.listener.accept();
    pairs.far.push_back(std::move(*far));
    pairs.near.push_back(std::move(*near));
  }
}

net::Task<TunnelOutcome> carry_a_little(net::Loop& loop, const base::Log& log, TunnelMeter& meter, TwoPairs& pairs) {
  EXPECT_TRUE(co_await pairs.far[0].write_all(base::as_bytes("up"), soon()));
  co_await pairs.far[0].finish(soon());
  TunnelEnds ends{pairs.near[0], pairs.near[1], {}, "down", &meter};
  auto outcome = co_await run_tunnel(loop, log, std::move(ends), std::chrono::milliseconds(200));
  co_return outcome;
}

TEST(TunnelTest, ASideThatIsHeldUpByUsIsNotSilent) {
  testing::KeptLog log;
  net::Loop loop;
  TwoPairs pairs{net::Listener::bind(loop, {.at = {"127.0.0.1", 0}}).value()};
  testing::run(loop, make_pairs(loop, pairs));
  Slow slow;
  const auto begun = std::chrono::steady_clock::now();
  const TunnelOutcome outcome = testing::run(loop, carry_a_little(loop, log.log(), slow, pairs));
  ASSERT_TRUE(outcome.failure) << "both were silent in the end";
  EXPECT_EQ(outcome.failure->code, "net.timeout");
  EXPECT_EQ(outcome.to_upstream, 2U);
  EXPECT_GE(std::chrono::steady_clock::now() - begun, std::chrono::milliseconds(600)) << "200 ms after the last moved";
}

}  // namespace
}  // namespace countersign::gateway
