// What clients see of an upstream whose certificate is revoked while they are served, and what is recorded of it.
#include <algorithm>

#include "gateway/doors_test.h"
#include "gateway/upstreams_test.h"
#include "testing/soon.h"

namespace countersign::gateway {
namespace {

using testing::soon;
constexpr base::Duration kNotByItself = std::chrono::seconds(60);

/// A service over TLS, of the authority's own certificates, that says `first` once it has heard something, and holds.
class OwnService final : public LoopbackUpstream {
 public:
  OwnService(const base::Log& log, testing::Issued own, std::string first)
      : LoopbackUpstream(log), first_(std::move(first)) {
    const tls::Credential credential{std::move(own.chain), std::move(own.key)};
    context_ = tls::ServerContext::make(credential, {.mode = tls::ClientCertificate::optional}).value();
    start();
  }
  ~OwnService() { stop(); }
  int heard() const { return heard_; }
  int ended() const { return ended_; }

 private:
  net::Task<void> serve(net::Socket socket) override {
    auto context = context_;
    tls::JudgeClient nobody = [](const trust::Presented&) -> base::Result<trust::AdmittedChain, trust::Refusal> {
      return base::unexpected(trust::refuse(trust::Reason::not_in_registry, "nobody is asked for one"));
    };
    auto connection =
        co_await tls::Handshake::accept_optional(std::move(socket), std::move(context), std::move(nobody), soon());
    if (!connection) co_return;
    net::Stream& stream = *held_.emplace_back(std::move(connection->stream));
    std::array<std::uint8_t, 4096> buffer;
    for (bool more = true; more;) {
      const auto count = co_await stream.read_some(buffer, soon());
      more = count && *count > 0;
      if (more && heard_++ == 0) (void)co_await stream.write_all(base::as_bytes(first_), soon());
    }
    ++ended_;
  }

  const std::string first_;
  std::shared_ptr<const tls::ServerContext> context_;
  std::vector<std::unique_ptr<net::Stream>> held_;
  std::atomic<int> heard_{0};
  std::atomic<int> ended_{0};
};

const std::string kSwitching =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Accept: x\r\n\r\n";

struct ServedRow {
  std::string name;
  std::string site = "localhost";
  std::string say;
  std::string first = {};   ///< of the service
  std::string answer = {};  ///< how the client's answer begins; empty: there is none
  std::string event = {};   ///< that has the reason
};

class UpstreamCut : public DoorsTest, public ::testing::WithParamInterface<ServedRow> {
 protected:
  void SetUp() override {
    testing::Issued own = pki_.internal_server("payments").issue();
    fact_.emplace(own.fact());
    service_.emplace(log_.log(), std::move(own), GetParam().first);
    client_.emplace(pki_.client().issue());
    UpstreamSettings settings{.name = "payments", .addresses = {service_->at()}};
    settings.times.response = settings.times.body = settings.times.tunnel = kNotByItself;
    settings.tls.emplace();
    settings.tls->anchors = std::make_shared<const trust::TrustSet>(pki_.provider_trust());
    settings.tls->server_name = "localhost";
    config_.upstreams = {settings};
    Route route{.host = "*", .path = "/", .upstream = {}};
    route.upstream_name = "payments";
    route.websocket = true;
    start({{.name = "door",
            .listen = {"127.0.0.1", 0},
            .sites = {{.names = {"raw.example"},
                       .tcp = {.upstream = "payments", .access = policy::Access::any_partner}}}}},
          {route});
    const tls::Credential credential{client_->chain, std::move(client_->key)};
    context_ = *tls::ClientContext::make(&credential);
  }
  void TearDown() override { worker_.reset(); }

  std::size_t lines_with(const std::string& text) const {
    const auto lines = log_.lines();
    return static_cast<std::size_t>(
        std::ranges::count_if(lines, [&](const auto& line) { return line.find(text) != std::string::npos; }));
  }
  void revoke() {
    trust::CertificateFact fact = *fact_;
    fact.revoked_for = "key_compromise";
    EXPECT_TRUE(knowledge_.apply({2, fact}));
    worker_->knowledge_changed();
  }
  /// All that the client is told.
  net::Task<std::string> be_served(net::Loop& loop) {
    net::Endpoint to{"127.0.0.1", port("door")};
    auto socket = co_await net::Socket::connect(loop, std::move(to), soon());
    tls::JudgeServer judge = [this](const trust::PresentedChain& presented) {
      return trust::verify_chain(presented, {.purposes = {trust::Purpose::server}}, pki_.trust_set(), pki_.now());
    };
    std::string name = GetParam().site;
    auto connection =
        co_await tls::Handshake::connect(std::move(*socket), context_, std::move(name), std::move(judge), soon());
    if (!connection) co_return "no connection";
    net::Stream& stream = *connection->stream;
    (void)co_await stream.write_all(base::as_bytes(GetParam().say), soon());
    for (const net::Deadline deadline = soon(); service_->heard() == 0 && !deadline.passed();)
      co_await net::sleep_until(net::Deadline::after(std::chrono::milliseconds(5)));
    std::array<std::uint8_t, 4096> buffer;
    std::string heard;
    while (!GetParam().first.empty() && heard.find("\r\n\r\n") == std::string::npos) {
      const auto count = co_await stream.read_some(buffer, soon());
      if (!count || *count == 0) co_return "no answer";
      heard += base::as_text(std::span(buffer).first(*count));
    }
    heard.clear();
    revoke();
    for (bool more = true; more;) {
      const auto count = co_await stream.read_some(buffer, soon());
      if (count) heard += base::as_text(std::span(buffer).first(*count));
      more = count && *count > 0 && !heard.ends_with("}");
    }
    co_return heard;
  }

  std::optional<trust::CertificateFact> fact_;
  std::optional<OwnService> service_;
  std::optional<testing::Issued> client_;
  std::shared_ptr<const tls::ClientContext> context_;
};

TEST_P(UpstreamCut, WhatIsUnderWayEndsWithTheReasonInTheLog) {
  net::Loop loop;
  const std::string heard = testing::run(loop, be_served(loop));
  EXPECT_TRUE(heard.starts_with(GetParam().answer)) << heard;
  EXPECT_EQ(heard.empty(), GetParam().answer.empty());
  EXPECT_EQ(heard.find("revoked"), std::string::npos) << "which is not the client's business";
  EXPECT_EQ(lines_with("\"event\":\"upstream.cut\""), 1U);
  const std::string event = "\"event\":\"" + GetParam().event + "\"";
  for (const net::Deadline deadline = soon(); lines_with(event) == 0 && !deadline.passed();)
    testing::run(loop, net::sleep_until(net::Deadline::after(std::chrono::milliseconds(5))));
  const auto lines = log_.lines();
  EXPECT_TRUE(std::ranges::any_of(lines, [&](const std::string& line) {
    return line.find(event) != std::string::npos && line.find("gateway.upstream_untrusted") != std::string::npos &&
           line.find("revoked") != std::string::npos;
  }));
  EXPECT_EQ(lines_with("connection.cut"), 0U) << "the client has done nothing";
}

INSTANTIATE_TEST_SUITE_P(
    Rows, UpstreamCut,
    ::testing::Values(ServedRow{.name = "a_request",
                                .say = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
                                .answer = "HTTP/1.1 502 ",
                                .event = "gateway.upstream_failed"},
                      ServedRow{.name = "a_request_that_was_sent_once",
                                .say = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nab",
                                .answer = "HTTP/1.1 502 ",
                                .event = "gateway.upstream_failed"},
                      ServedRow{.name = "a_response",
                                .say = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
                                .first = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
                                .event = "gateway.upstream_failed"},
                      ServedRow{.name = "a_websocket",
                                .say = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
                                       "Upgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                                       "Sec-WebSocket-Version: 13\r\n\r\n",
                                .first = kSwitching,
                                .event = "gateway.tunnel_ended"},
                      ServedRow{.name = "bytes", .site = "raw.example", .say = "x", .event = "tcp"}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace countersign::gateway
