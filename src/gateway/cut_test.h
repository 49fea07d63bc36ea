// A worker whose clients are cut while their requests are under way, and what stands behind it.
#pragma once

#include <gtest/gtest.h>

#include "gateway/doors_test.h"
#include "gateway/holding_upstream_test.h"
#include "tls/handshake.h"

namespace countersign::gateway {

class Cut : public DoorsTest {
 protected:
  void SetUp() override {
    client_.emplace(pki_.client().issue());
    config_.access_log = true;
    config_.upstreams = {{.name = "raw", .addresses = {holding_.at()}},
                         {.name = "narrow",
                          .addresses = {holding_.at()},
                          .times = {.connect = kNotByItself},
                          .limits = {.connections = 1}},
                         {.name = "told", .addresses = {holding_.at()}, .send_proxy_header = true}};
    Route socket{.host = "*", .path = "/socket", .upstream = switching_.at()};
    socket.websocket = true;
    routes_ = {{.host = "*", .path = "/", .upstream = holding_.at()}, socket};
    add();
    std::vector<SiteConfig> sites;
    for (const UpstreamSettings& upstream : config_.upstreams)
      sites.push_back({.names = {upstream.name + ".example"},
                       .tcp = {.upstream = upstream.name, .access = policy::Access::any_partner}});
    authority_.authority = holding_.at();
    authority_.provider_trust = std::make_shared<const trust::TrustSet>(pki_.trust_set());
    authority_.registry = &knowledge_.registry();
    authority_.knowledge = &knowledge_;
    testing::Issued service = pki_.client().issue();
    service_.publish(
        std::make_shared<const tls::Credential>(tls::Credential{std::move(service.chain), std::move(service.key)}));
    testing::Issued other = pki_.client("globex", "billing").issue();
    listen_at_ = "0.0.0.0";
    start({{.name = "door", .listen = {"0.0.0.0", 0}, .sites = std::move(sites)}}, routes_);
    const tls::Credential credential{client_->chain, std::move(client_->key)};
    context_ = *tls::ClientContext::make(&credential);
    context_h2_ = *tls::ClientContext::make(&credential, tls::ClientContext::Offer::http_2);
    const tls::Credential others{std::move(other.chain), std::move(other.key)};
    other_ = *tls::ClientContext::make(&others);
  }
  /// Upstreams and routes besides, before anything starts.
  virtual void add() {}

  net::Task<std::unique_ptr<net::Stream>> open(net::Loop& loop, std::string name,
                                               std::shared_ptr<const tls::ClientContext> as) {
    net::Endpoint to{"127.0.0.1", port("door")};
    auto socket = co_await net::Socket::connect(loop, std::move(to), soon());
    tls::JudgeServer judge = [this](const trust::PresentedChain& presented) {
      return trust::verify_chain(presented, {.purposes = {trust::Purpose::server}}, pki_.trust_set(), pki_.now());
    };
    auto connection =
        co_await tls::Handshake::connect(std::move(*socket), std::move(as), std::move(name), std::move(judge), soon());
    co_return connection ? std::move(connection->stream) : nullptr;
  }

  struct Talk {
    std::string name = "localhost";
    std::string say = {};
    std::string await = {};    ///< heard before it goes on
    bool half_closes = false;  ///< the client says that it has said all
    std::function<bool()> there = {};
    std::function<void()> then = {};                    ///< once that is so
    std::shared_ptr<const tls::ClientContext> as = {};  ///< null: the partner that is cut, over HTTP/1.1
    bool hears_more = false;                            ///< frames of HTTP/2 come before the end
  };
  /// And stays, until the gateway is done with it.
  net::Task<void> talk_to(net::Loop& loop, Talk talk) {
    auto stream = co_await open(loop, talk.name, talk.as == nullptr ? context_ : talk.as);
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
    auto end = co_await stream->read_some(buffer, soon());
    while (talk.hears_more && end && *end > 0)
      end = co_await stream->read_some(buffer, soon());
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
  HoldingUpstream switching_{log_.log(), kSwitching};
  std::optional<testing::Issued> client_;
  std::shared_ptr<const tls::ClientContext> context_;
  std::shared_ptr<const tls::ClientContext> context_h2_;
  std::shared_ptr<const tls::ClientContext> other_;  ///< of a partner whom nothing happens to
  std::vector<Route> routes_;
};

inline const std::string kAsk = "GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n";
inline const std::string kOpening =
    "GET /socket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

}  // namespace countersign::gateway
