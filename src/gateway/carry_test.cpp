// Requests with a body that an upstream did not take, and those that are under way when the gateway goes.
#include "gateway/refusing_upstream_test.h"
#include "testing/soon.h"

namespace countersign::gateway {
namespace {

using testing::soon;

class Carrying : public DoorsTest {
 protected:
  Carrying() {
    testing::Issued partner = pki_.client("acme", "payments").issue();
    const tls::Credential credential{std::move(partner.chain), std::move(partner.key)};
    context_ = tls::ClientContext::make(&credential).value();
    config_.upstreams = {{.name = "refusing",
                          .addresses = {refusing_.at()},
                          .times = {.response = std::chrono::seconds(5)},
                          .protocol = UpstreamProtocol::http2}};
    const std::vector<ListenerConfig> listeners = {{.name = "partners", .listen = {"127.0.0.1", 0}}};
    start(listeners, {{.host = "*", .path = "/", .upstream = {}, .upstream_name = "refusing"},
                      {.host = "*", .path = "/plain", .upstream = upstream_.at()}});
    at_ = port("partners");
  }

  net::Task<void> talk_to(net::Loop& loop, std::vector<PartnersLine> lines, std::string& heard) {
    net::Endpoint to{"127.0.0.1", at_};
    auto socket = co_await net::Socket::connect(loop, std::move(to), soon());
    tls::JudgeServer judge = [this](const trust::PresentedChain& presented) {
      const trust::Policy policy{.purposes = {trust::Purpose::server}, .server_name = "localhost"};
      return trust::verify_chain(presented, policy, pki_.trust_set(), pki_.now());
    };
    auto connection =
        co_await tls::Handshake::connect(std::move(*socket), context_, "localhost", std::move(judge), soon());
    std::array<std::uint8_t, 4096> buffer;
    for (const PartnersLine& line : lines) {
      (void)co_await connection->stream->write_all(base::as_bytes(line.say), soon());
      for (bool more = true; more && (line.await.empty() || !heard.ends_with(line.await));) {
        const auto count = co_await connection->stream->read_some(buffer, soon());
        more = count && *count > 0;
        if (more) heard += base::as_text(std::span(buffer).first(*count));
      }
      if (line.then) line.then();
    }
  }
  std::string talk(std::vector<PartnersLine> lines) {
    net::Loop loop;
    std::string heard;
    net::spawn(loop, talk_to(loop, std::move(lines), heard), "partner", log_.log());
    loop.run();
    return heard;
  }
  static std::string head(const std::string& target, std::size_t size, const std::string& more) {
    return "POST " + target + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(size) + "\r\n" +
           more + "\r\n";
  }
  /// Until nobody is let in any more.
  void drain() {
    worker_->drain(soon(), [] {});
    for (const net::Deadline deadline = soon(); !deadline.passed();) {
      net::Loop loop;
      net::Endpoint to{"127.0.0.1", at_};
      if (!testing::run(loop, net::Socket::connect(loop, std::move(to), soon()))) return;
    }
  }

  RefusingUpstream refusing_;
  std::shared_ptr<const tls::ClientContext> context_;
  std::uint16_t at_ = 0;
};

// -- RFC 9113 section 8.7

struct RefusalRow {
  std::string name;
  RefusingUpstream::Manner manner;
  std::size_t body;
  int status;
};

/// The connection takes nothing more, so that what is sent again is sent on another one.
std::string reset(std::size_t code) {
  return http::frame(http::kGoaway, 0, 0, http::number(1, 4) + http::number(0, 4)) +
         http::frame(http::kReset, 0, 1, http::number(code, 4));
}
std::string goaway(std::size_t last) {
  return http::frame(http::kGoaway, 0, 0, http::number(last, 4) + http::number(0, 4));
}
constexpr std::size_t kRefusedStream = 7;
constexpr std::size_t kCancel = 8;

class Refusals : public Carrying, public ::testing::WithParamInterface<RefusalRow> {};

TEST_P(Refusals, WhatNobodyLookedAtIsSentAgainWhereItIsStillThere) {
  refusing_.use(GetParam().manner);
  std::string body;
  for (std::size_t i = 0; body.size() < GetParam().body; ++i)
    body += std::to_string(i) + " ";
  body.resize(GetParam().body);
  const std::string heard = talk({{head("/", body.size(), "Connection: close\r\n") + body}});
  EXPECT_TRUE(heard.starts_with("HTTP/1.1 " + std::to_string(GetParam().status) + " ")) << heard.substr(0, 400);
  if (GetParam().status != 200) return;
  EXPECT_TRUE(heard.ends_with("\r\n\r\n" + body)) << "all of it, in its order";
  EXPECT_EQ(refusing_.answered(), 1);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, Refusals,
    ::testing::Values(
        RefusalRow{"at_once", {.after = 0, .says = reset(kRefusedStream)}, 10'000, 200},
        RefusalRow{"when_all_was_there", {.after = 10'000, .says = reset(kRefusedStream)}, 10'000, 200},
        RefusalRow{"left_out_by_goaway", {.after = 10'000, .says = goaway(0)}, 10'000, 200},
        RefusalRow{"half_way", {.after = 20'000, .says = reset(kRefusedStream)}, 60'000, 200},
        RefusalRow{"as_much_as_is_kept",
                   {.after = RequestBody::kKept, .says = reset(kRefusedStream)},
                   RequestBody::kKept,
                   200},
        RefusalRow{"more_than_is_kept",
                   {.after = RequestBody::kKept + 1, .says = reset(kRefusedStream)},
                   RequestBody::kKept + 1,
                   502},
        RefusalRow{"by_everybody", {.connections = 100, .after = 0, .says = reset(kRefusedStream)}, 10'000, 502},
        RefusalRow{"cancelled", {.after = 0, .says = reset(kCancel)}, 10'000, 502},
        RefusalRow{"looked_at_before_goaway", {.after = 0, .says = goaway(1) + reset(kCancel)}, 10'000, 502}),
    [](const auto& row) { return row.param.name; });

TEST_F(Carrying, ABodyThatIsStillComingIsSentAgainAsFarAsItCameAndThenGoesOn) {
  refusing_.use({.after = 5, .says = reset(kRefusedStream)});
  const auto until_another = [this] {
    for (const net::Deadline deadline = soon(); refusing_.connections() < 2 && !deadline.passed();)
      std::this_thread::yield();
  };
  const std::string expects = "Expect: 100-continue\r\n";
  const std::string heard =
      talk({{head("/", 10, expects), "\r\n\r\n"}, {"first", "\r\n\r\n", until_another}, {"then2", "then2"}});
  EXPECT_TRUE(heard.ends_with("\r\n\r\nfirstthen2")) << heard;
  EXPECT_EQ(refusing_.connections(), 2);
}

// -- a drain

TEST_F(Carrying, ARequestUnderWayTellsItsClientThatWeGo) {
  const std::string expects = "Expect: 100-continue\r\n";
  const std::string heard = talk({{head("/plain", 5, expects), "\r\n\r\n", [this] { drain(); }}, {"hello"}});
  worker_->join();
  EXPECT_TRUE(heard.find("HTTP/1.1 200 ") != std::string::npos) << heard;
  EXPECT_TRUE(heard.find("\r\nConnection: close\r\n") != std::string::npos) << heard;
}

TEST_F(Carrying, OneThatGoesNowhereKeepsItsClient) {
  const std::string more = "Expect: 100-continue\r\n";
  const std::string heard =
      talk({{head("/plain", 5, more), "\r\n\r\n"}, {"hello" + head("/plain", 0, "Connection: close\r\n")}});
  const std::size_t first = heard.find("HTTP/1.1 200 ");
  ASSERT_NE(first, std::string::npos) << heard;
  EXPECT_NE(heard.find("HTTP/1.1 200 ", first + 1), std::string::npos) << heard;
}

}  // namespace
}  // namespace countersign::gateway
