// Whoever ends the client's connection ends what goes on behind it, too: at once, with its record, and without harm.
#include <gtest/gtest.h>

#include "gateway/doors_test.h"
#include "gateway/upstream/tunnel.h"
#include "gateway/upstreams_test.h"
#include "net/proxy_protocol.h"
#include "testing/soon.h"
#include "tls/handshake.h"

namespace countersign::gateway {
namespace {

using testing::Issued;
using testing::soon;
/// Far less than any time after which something would end by itself.
constexpr base::Duration kAtOnce = std::chrono::seconds(8);

/// Takes all and keeps its end open; says `first` once it has heard something.
class HoldingUpstream final : public LoopbackUpstream {
 public:
  explicit HoldingUpstream(const base::Log& log, std::string first = {})
      : LoopbackUpstream(log), first_(std::move(first)) {
    start();
  }
  ~HoldingUpstream() { stop(); }
  int ended() const { return ended_; }  ///< by the other side
  std::string heard() const {
    const std::lock_guard lock(mutex_);
    return heard_;
  }

 private:
  net::Task<void> serve(net::Socket accepted) override {
    net::Socket& socket = *held_.emplace_back(std::make_unique<net::Socket>(std::move(accepted)));
    std::array<std::uint8_t, 4096> buffer;
    for (;;) {
      const auto count = co_await socket.read_some(buffer, soon());
      if (!count || *count == 0) break;
      if (!first_.empty()) (void)co_await socket.write_all(base::as_bytes(first_), soon());
      first_.clear();
      const std::lock_guard lock(mutex_);
      heard_.append(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*count));
    }
    ++ended_;
  }

  std::string first_;
  std::vector<std::unique_ptr<net::Socket>> held_;
  std::atomic<int> ended_{0};
  mutable std::mutex mutex_;
  std::string heard_;
};

class Cut : public DoorsTest {
 protected:
  void SetUp() override {
    client_.emplace(pki_.client().issue());
    config_.access_log = true;
    config_.upstreams = {{.name = "raw", .addresses = {holding_.at()}},
                         {.name = "narrow", .addresses = {holding_.at()}, .limits = {.connections = 1}},
                         {.name = "told", .addresses = {holding_.at()}, .send_proxy_header = true}};
    std::vector<SiteConfig> sites;
    for (const UpstreamSettings& upstream : config_.upstreams)
      sites.push_back({.names = {upstream.name + ".example"},
                       .tcp = {.upstream = upstream.name, .access = policy::Access::any_partner}});
    authority_.authority = holding_.at();
    authority_.provider_trust = std::make_shared<const trust::TrustSet>(pki_.trust_set());
    authority_.registry = &knowledge_.registry();
    authority_.knowledge = &knowledge_;
    Issued service = pki_.client().issue();
    service_.publish(
        std::make_shared<const tls::Credential>(tls::Credential{std::move(service.chain), std::move(service.key)}));
    Route socket{.host = "*", .path = "/socket", .upstream = switching_.at()};
    socket.websocket = true;
    listen_at_ = "0.0.0.0";
    start({{.name = "door", .listen = {"0.0.0.0", 0}, .sites = std::move(sites)}},
          {{.host = "*", .path = "/", .upstream = holding_.at()}, socket});
    const tls::Credential credential{client_->chain, std::move(client_->key)};
    context_ = *tls::ClientContext::make(&credential);
  }

  net::Task<std::unique_ptr<net::Stream>> open(net::Loop& loop, std::string name) {
    net::Endpoint to{"127.0.0.1", port("door")};
    auto socket = co_await net::Socket::connect(loop, std::move(to), soon());
    tls::JudgeServer judge = [this](const trust::PresentedChain& presented) {
      return trust::verify_chain(presented, {.purposes = {trust::Purpose::server}}, pki_.trust_set(), pki_.now());
    };
    auto connection =
        co_await tls::Handshake::connect(std::move(*socket), context_, std::move(name), std::move(judge), soon());
    co_return connection ? std::move(connection->stream) : nullptr;
  }

  struct Talk {
    std::string name = "localhost";
    std::string say = {};
    std::string await = {};    ///< heard before it goes on
    bool half_closes = false;  ///< the client says that it has said all
    std::function<bool()> there = {};
    std::function<void()> then = {};  ///< once that is so
  };
  /// And stays, until the gateway is done with it.
  net::Task<void> talk_to(net::Loop& loop, Talk talk) {
    auto stream = co_await open(loop, talk.name);
    EXPECT_NE(stream, nullptr);
    if (stream == nullptr) co_return;
    EXPECT_TRUE(co_await stream->write_all(base::as_bytes(talk.say), soon()));
    std::array<std::uint8_t, 4096> buffer;
    std::string heard;
    while (heard.find(talk.await) == std::string::npos) {
      const auto count = co_await stream->read_some(buffer, soon());
      if (!count || *count == 0) break;
      heard.append(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*count));
    }
    if (talk.half_closes) co_await stream->finish(soon());
    EXPECT_TRUE(co_await poll(talk.there));
    talk.then();
    const auto end = co_await stream->read_some(buffer, soon());
    EXPECT_TRUE(!end || *end == 0);
  }
  void talk(Talk talk) {
    net::Loop loop;
    net::spawn(loop, talk_to(loop, std::move(talk)), "client", log_.log());
    loop.run();
  }

  static net::Task<bool> poll(std::function<bool()> is_so) {
    for (const net::Deadline deadline = net::Deadline::after(kAtOnce); !is_so();) {
      if (deadline.passed()) co_return false;
      co_await net::sleep_until(net::Deadline::after(std::chrono::milliseconds(5)));
    }
    co_return true;
  }
  bool becomes(std::function<bool()> is_so) {
    net::Loop loop;
    return testing::run(loop, poll(std::move(is_so)));
  }
  std::size_t lines_with(const std::string& text) const {
    const auto lines = log_.lines();
    return static_cast<std::size_t>(std::count_if(
        lines.begin(), lines.end(), [&](const auto& line) { return line.find(text) != std::string::npos; }));
  }
  bool gets_line(const std::string& text) {
    return becomes([this, text] { return lines_with(text) > 0; });
  }

  void revoke() {
    trust::CertificateFact fact = client_->fact();
    fact.revoked_for = "key_compromise";
    EXPECT_TRUE(knowledge_.apply({2, fact}));
    worker_->knowledge_changed();
  }
  void drain(base::Duration time) {
    worker_->drain(net::Deadline::after(time), [] {});
    worker_->join();
  }

  HoldingUpstream holding_{log_.log()};
  HoldingUpstream switching_{log_.log(),
                             "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                             "Sec-WebSocket-Accept: x\r\n\r\n"};
  std::optional<Issued> client_;
  std::shared_ptr<const tls::ClientContext> context_;
};

const std::string kAsk = "GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n";
const std::string kOpening =
    "GET /socket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

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
