// One worker of the gateway between a real client and a real upstream, all on loopback.
#include <gtest/gtest.h>

#include "base/files.h"
#include "gateway/doors_test.h"
#include "gateway/rude_upstream_test.h"
#include "gateway/upstreams_test.h"
#include "gateway/worker.h"
#include "http/client.h"
#include "net/proxy_protocol.h"
#include "testing/folder.h"
#include "testing/pki.h"
#include "testing/soon.h"

namespace countersign::gateway {
namespace {

using testing::Issued;
using testing::Pki;
using testing::soon;

/// A gateway with one worker, one upstream, and one partner's certificate.
class Platform : public ::testing::Test {
 protected:
  void SetUp() override {
    client_.emplace(pki_.client().issue());
    ASSERT_TRUE(knowledge_.replace(snapshot_of(pki_)));
    Issued server = pki_.internal_server().issue();
    auto own = std::make_shared<const tls::Credential>(tls::Credential{std::move(server.chain), std::move(server.key)});
    config_.listeners = {{.listen = {"127.0.0.1", 0}}};
    config_.trust_chain = config_.partner_chain = folder_ / "roots.pem";
    const std::string roots = pki_.partner_root().certificate.to_pem() + pki_.provider_root().certificate.to_pem();
    ASSERT_TRUE(base::write_file(config_.partner_chain, roots, base::FileMode::owner_only));
    config_.routes = {{"localhost", "/", upstream_.at()},
                      {"localhost", "/dead", {"127.0.0.1", 1}},
                      {"localhost", "/rude", rude_.at()},
                      {"localhost", "/silent", {}, false, "silent"},
                      {"localhost", "/narrow", {}, false, "narrow"},
                      {"localhost", "/introduced", {}, false, "introduced"}};
    const base::Duration little = std::chrono::milliseconds(300);
    config_.upstreams = {
        {.name = "silent", .addresses = {silent_.local()}, .times = {.response = little, .body = little}},
        {.name = "narrow", .addresses = {rude_.at()}, .limits = {.connections = 1}},
        {.name = "introduced", .addresses = {rude_.at()}, .send_proxy_header = true}};
    for (Route& route : config_.routes)
      route.access = policy::Access::any_partner;
    config_.routes.push_back({"localhost", "/granted", upstream_.at()});
    Route tunnel{"localhost", "/tunnel", tunnelled_.at()};
    tunnel.access = policy::Access::any_partner;
    tunnel.websocket = true;
    config_.routes.push_back(std::move(tunnel));
    auto generation = Generation::make(config_, {knowledge_, metrics_, pki_.clock(), log_}, nullptr);
    ASSERT_TRUE(generation) << generation.error().detail;
    generation_ = *generation;
    const WorkerShared shared{knowledge_, sightings_, refusals_,    metrics_,   pki_.clock(),
                              log_,       gate_,      token_rings_, authority_, service_};
    auto worker = Worker::make(shared, generation_);
    ASSERT_TRUE(worker) << worker.error().detail;
    Worker::Prepared prepared = (*worker)->prepare(generation_, Credentials{OwnCertificate{own}}).value();
    std::vector<net::ListenSocket> sockets;
    sockets.push_back(net::ListenSocket::open({.at = config_.listeners.front().listen}).value());
    prepared.sockets.push_back({"", std::move(sockets)});
    ASSERT_TRUE((*worker)->begin(std::move(prepared)));
    worker_ = std::move(*worker);
    worker_->start();
    const tls::Credential credential{client_->chain, std::move(client_->key)};
    client_context_ = *tls::ClientContext::make(&credential);
  }

  net::Task<std::unique_ptr<net::Stream>> open(net::Loop& loop) {
    net::Endpoint to = worker_->local();
    auto socket = co_await net::Socket::connect(loop, std::move(to), soon());
    tls::JudgeServer judge = [this](const trust::PresentedChain& presented) {
      const trust::Policy policy{.purposes = {trust::Purpose::server}, .server_name = "localhost"};
      return trust::verify_chain(presented, policy, pki_.trust_set(), pki_.now());
    };
    auto connection =
        co_await tls::Handshake::connect(std::move(*socket), client_context_, "localhost", std::move(judge), soon());
    co_return connection ? std::move(connection->stream) : nullptr;
  }

  net::Task<void> send_to(net::Loop& loop, http::Request request, base::Result<http::Response>& out) {
    auto stream = co_await open(loop);
    http::ClientOptions options;
    options.host = "localhost";
    http::Client client(*stream, std::move(options));
    out = co_await client.send(std::move(request), soon());
  }

  /// Sends each part, and before the next one waits until the answer so far ends in what is awaited.
  struct Line {
    std::string say;
    std::string await;  ///< empty: everything until the gateway closes
  };
  net::Task<void> talk_to(net::Loop& loop, std::vector<Line> lines, std::string& heard) {
    auto stream = co_await open(loop);
    std::array<std::uint8_t, 4096> buffer;
    for (const Line& line : lines) {
      (void)co_await stream->write_all(base::as_bytes(line.say), soon());
      for (bool more = true; more && (line.await.empty() || !heard.ends_with(line.await));) {
        const auto count = co_await stream->read_some(buffer, soon());
        more = count && *count > 0;
        if (more) heard.append(reinterpret_cast<const char*>(buffer.data()), *count);
      }
    }
  }
  std::string talk(std::vector<Line> lines) {
    net::Loop loop;
    std::string heard;
    net::spawn(loop, talk_to(loop, std::move(lines), heard), "client", log_);
    loop.run();
    return heard;
  }

  /// Until it is so, or the test has had its time.
  static net::Task<void> poll(std::function<bool()> is_so) {
    for (const net::Deadline deadline = soon(); !is_so() && !deadline.passed();)
      co_await net::sleep_until(net::Deadline::after(std::chrono::milliseconds(5)));
  }

  base::Result<http::Response> send(http::Request request) {
    net::Loop loop;
    base::Result<http::Response> out = base::fail(base::Kind::internal, "test", "never ran");
    net::spawn(loop, send_to(loop, std::move(request), out), "client", log_);
    loop.run();
    return out;
  }

  static http::Request get(std::string target) {
    http::Request request;
    request.head.method = "GET";
    request.head.target = std::move(target);
    return request;
  }

  Pki pki_;
  Lines lines_;
  base::Log log_{{.program = "test"}, pki_.clock(), lines_};
  TellingUpstream upstream_{log_};
  RudeUpstream rude_{log_};
  RudeUpstream tunnelled_{log_};
  net::Loop silent_loop_;  ///< takes connections, and reads nothing of them
  net::Listener silent_ = *net::Listener::bind(silent_loop_, {.at = {"127.0.0.1", 0}});
  GatewayConfig config_;
  feed::Knowledge knowledge_;
  feed::Sightings sightings_;
  feed::Refusals refusals_{knowledge_.registry()};
  Metrics metrics_;
  policy::Gate gate_{policy::Policy::nothing(), log_};
  TokenRings token_rings_{knowledge_, log_};
  feed::AuthorityLink::Options authority_ = {};
  base::Published<tls::Credential> service_;
  testing::Folder folder_;
  GenerationPointer generation_;
  std::optional<Issued> client_;
  std::shared_ptr<const tls::ClientContext> client_context_;
  std::unique_ptr<Worker> worker_;
};

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
    ++count;
  return count;
}

TEST_F(Platform, TheUpstreamSeesTheVerifiedIdentityAndNothingElse) {
  http::Request request = get("/v1/hello?x=1");
  for (const char* name : {"X-Countersign-Application", "x_countersign_application", "Client-Cert", "CLIENT_CERT",
                           "Client-Cert-Chain", "X-Forwarded-For"})
    request.head.fields.add(name, "forged");
  request.head.fields.add("X-Named", "forged");
  request.head.fields.add("Connection", "X-Named");
  request.head.fields.add("Authorization", "Bearer kept");
  const auto response = send(std::move(request));
  ASSERT_TRUE(response) << response.error().detail;
  EXPECT_EQ(response->status, 200);
  const std::string& seen = response->body;
  EXPECT_TRUE(contains(seen, "GET /v1/hello?x=1\n"));
  EXPECT_TRUE(contains(seen, "Authorization: Bearer kept\n"));
  EXPECT_FALSE(contains(seen, "forged")) << seen;
  EXPECT_TRUE(contains(seen, "X-Countersign-Application: payments\n"));
  EXPECT_TRUE(contains(seen, "X-Countersign-Organisation: acme\n"));
  EXPECT_TRUE(contains(seen, "X-Countersign-Environment: production\n"));
  EXPECT_TRUE(contains(seen, "Client-Cert: :" + base::to_base64(client_->certificate.der()) + ":\n"));
  EXPECT_EQ(count_of(seen, "Client-Cert-Chain: :"), 1U);
  EXPECT_FALSE(response->fields.find("X-Countersign-Application")) << "an upstream cannot speak in our name either";
}

TEST_F(Platform, RoutesAndRefusesByHostAndPath) {
  EXPECT_EQ(send(get("/dead"))->status, 502);
  EXPECT_EQ(send(get("/a/../b"))->status, 400);
  http::Request elsewhere = get("/");
  elsewhere.head.target = "http://elsewhere.example/";
  EXPECT_EQ(send(std::move(elsewhere))->status, 400);
  EXPECT_EQ(upstream_.requests(), 0);
  EXPECT_EQ(send(get("/"))->status, 200);
}

TEST_F(Platform, BodiesPassBothWaysWhole) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{40'000}, std::size_t{20'000'000}}) {
    http::Request request = get("/echo");
    request.head.method = "POST";
    request.body = std::string(size, 'x');
    const auto response = send(std::move(request));
    ASSERT_TRUE(response) << response.error().detail;
    EXPECT_EQ(response->body.size(), size);
  }
}

constexpr const char* kGetRude = "GET /rude HTTP/1.1\r\nHost: localhost\r\n\r\n";
constexpr const char* kLastGetRude = "GET /rude HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

TEST_F(Platform, AnUpstreamThatAnsweredBeforeItHadTheRequestServesNobodyElse) {
  rude_.say("HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno");
  talk({{"POST /rude HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\n", "no"},
        {"body", "no"},
        {kLastGetRude, ""}});
  talk({{kLastGetRude, ""}});
  EXPECT_EQ(rude_.connections(), 2) << "the second request must not be read as the body of the first";
}

TEST_F(Platform, AnUpstreamThatTakesNoMoreOfARequestHoldsNobodyUp) {
  http::Request request = get("/silent");
  request.head.method = "POST";
  request.body = std::string(std::size_t{16} << 20, 'x');
  const auto response = send(std::move(request));
  // The answer, or the connection is gone before its client has written all.
  EXPECT_TRUE(response ? response->status == 504 : response.error().code != "net.timeout")
      << (response ? std::to_string(response->status) : base::to_string(response.error()));
  EXPECT_TRUE(lines_.has("\"event\":\"gateway.upstream_timeout\""));
}

TEST_F(Platform, AnUpstreamThatSaidMoreThanItsResponseServesNobodyElse) {
  // The body that a response to HEAD must not have is written like a response: for whoever asks next.
  rude_.say(
      "HTTP/1.1 200 OK\r\nContent-Length: 44\r\n\r\n"
      "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison");
  talk({{"HEAD /rude HTTP/1.1\r\nHost: localhost\r\n\r\n", "\r\n\r\n"}, {kLastGetRude, ""}});
  EXPECT_EQ(rude_.connections(), 2);
}

TEST_F(Platform, AKeptUpstreamServesTheNextRequest) {
  rude_.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  talk({{kGetRude, "ok"}, {kLastGetRude, ""}});
  EXPECT_EQ(rude_.connections(), 1);
}

TEST_F(Platform, NobodyTakesTheFramingOutOfAMessage) {
  rude_.say("HTTP/1.1 200 OK\r\nConnection: Content-Length\r\nContent-Length: 2\r\n\r\nok");
  const std::string heard = talk({{"GET /rude HTTP/1.1\r\nHost: localhost\r\nConnection: close, Host\r\n\r\n", ""}});
  EXPECT_TRUE(contains(heard, "Content-Length: 2\r\n")) << heard;
  EXPECT_TRUE(contains(rude_.heard(), "Host: localhost\r\n")) << rude_.heard();
}

TEST_F(Platform, TrailersGoToThoseThatAskForThem) {
  rude_.say(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n"
      "0\r\nX-Sum: abc\r\nX_Countersign_Application: forged\r\nSet-Cookie: a\r\n\r\n");
  const std::string asks = "GET /rude HTTP/1.1\r\nHost: localhost\r\nTE: trailers\r\nConnection: TE, close\r\n\r\n";
  const std::string heard = talk({{asks, ""}});
  EXPECT_TRUE(heard.ends_with("2\r\nok\r\n0\r\nX-Sum: abc\r\n\r\n")) << heard;
  EXPECT_TRUE(contains(rude_.heard(), "Connection: TE\r\nTE: trailers\r\n")) << rude_.heard();
  const std::string silent = talk({{kLastGetRude, ""}});
  EXPECT_TRUE(silent.ends_with("2\r\nok\r\n0\r\n\r\n")) << silent;
}

TEST_F(Platform, OurOwnAnswerToHeadHasNoBody) {
  const std::string heard = talk({{"HEAD /a/../b HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", ""}});
  EXPECT_TRUE(heard.starts_with("HTTP/1.1 400")) << heard;
  EXPECT_TRUE(heard.ends_with("\r\n\r\n")) << heard;
}

TEST_F(Platform, OnlyHttp11IsInvitedToSendItsBody) {
  const std::string rest =
      " HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Length: 2\r\n\r\n";
  const std::string invited = talk({{"POST /echo" + rest, "100 Continue\r\n\r\n"}, {"hi", ""}});
  EXPECT_TRUE(invited.ends_with("hi")) << invited;
  const std::string old =
      talk({{"POST /echo HTTP/1.0\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi", ""}});
  EXPECT_EQ(old.find("100 Continue"), std::string::npos) << old;
  EXPECT_TRUE(old.ends_with("hi")) << old;
}

TEST_F(Platform, AConnectionOfNothingButMistakesIsClosed) {
  std::string requests;
  for (int i = 0; i < 200; ++i)
    requests += "GET /a/../b HTTP/1.1\r\nHost: localhost\r\n\r\n";
  const std::string heard = talk({{requests, ""}});
  EXPECT_LT(count_of(heard, "HTTP/1.1 400"), 200U);
  EXPECT_TRUE(contains(heard, "Connection: close"));
}

TEST_F(Platform, ASuspendedApplicationGetsNoNewConnection) {
  const base::Slug acme = *base::Slug::parse("acme");
  ASSERT_EQ(send(get("/"))->status, 200);
  ASSERT_TRUE(knowledge_.apply({2, trust::SuspensionFact{base::Environment::production, acme, std::nullopt, true}}));
  EXPECT_FALSE(send(get("/")));
  EXPECT_TRUE(lines_.has("\"reason\":\"suspended\""));
  ASSERT_TRUE(knowledge_.apply({3, trust::SuspensionFact{base::Environment::production, acme, std::nullopt, false}}));
  EXPECT_EQ(send(get("/"))->status, 200);
}

/// Opens, asks once, runs `meanwhile`, then waits for whatever comes: an end or a failure.
net::Task<void> stay(net::Stream& stream, std::function<void()> meanwhile, bool& cut) {
  http::ClientOptions options;
  options.host = "localhost";
  http::Client client(stream, std::move(options));
  http::Request request;
  request.head.method = "GET";
  request.head.target = "/";
  auto response = co_await client.send(std::move(request), soon());
  if (!response) co_return;
  meanwhile();
  std::array<std::uint8_t, 64> buffer;
  const auto count = co_await stream.read_some(buffer, soon());
  cut = !count ? count.error().kind != base::Kind::timeout : *count == 0;
}

net::Task<void> open_and_stay(net::Task<std::unique_ptr<net::Stream>> opening, std::function<void()> meanwhile,
                              bool& cut) {
  auto stream = co_await std::move(opening);
  co_await stay(*stream, std::move(meanwhile), cut);
}

TEST_F(Platform, ARevocationCutsTheLiveConnection) {
  trust::CertificateFact fact = client_->fact();
  fact.revoked_for = "key_compromise";
  const auto revoke = [&] {
    EXPECT_TRUE(knowledge_.apply({2, fact}));
    worker_->knowledge_changed();
  };
  bool cut = false;
  net::Loop loop;
  net::spawn(loop, open_and_stay(open(loop), revoke, cut), "client", log_);
  loop.run();
  EXPECT_TRUE(cut);
  EXPECT_TRUE(lines_.has("\"event\":\"connection.cut\""));
  EXPECT_TRUE(lines_.has("\"reason\":\"revoked\""));
}

TEST_F(Platform, ExpiryCutsTheLiveConnection) {
  const auto wait_past_the_end = [&] {
    pki_.clock().set(client_->certificate.not_after() + std::chrono::seconds(1));
    worker_->knowledge_changed();
  };
  bool cut = false;
  net::Loop loop;
  net::spawn(loop, open_and_stay(open(loop), wait_past_the_end, cut), "client", log_);
  loop.run();
  EXPECT_TRUE(cut);
  EXPECT_TRUE(lines_.has("\"reason\":\"expired\""));
}

TEST_F(Platform, DrainingEndsIdleConnectionsAndTheWorker) {
  bool cut = false;
  net::Loop loop;
  net::spawn(loop,
             open_and_stay(
                 open(loop), [&] { worker_->drain(soon(), [] {}); }, cut),
             "client", log_);
  loop.run();
  worker_->join();
  EXPECT_TRUE(cut);
}

/// As the policy file would say it; the Platform's client is production/acme/payments.
policy::PolicyPointer grant(const std::string& more) {
  return *policy::Policy::parse(
      "[[grants]]\nname = \"g\"\nto = [\"production/acme/payments\"]\nmethods = [\"GET\"]\n"
      "paths = [\"/granted/**\"]\n" +
          more,
      "policy.toml");
}

TEST_F(Platform, WhatNobodyGrantedReachesNoUpstreamInAnySpelling) {
  EXPECT_TRUE(contains(send(get("/granted/x"))->body, "\"code\":\"policy.not_granted\""));
  for (const char* path : {"//granted/x", "/%67ranted/x", "/granted;v=1/x"})
    EXPECT_NE(send(get(path))->status, 200) << path;
  EXPECT_EQ(upstream_.requests(), 0);
  EXPECT_TRUE(lines_.has("\"event\":\"policy.refused\""));
  gate_.replace(grant(""));
  EXPECT_EQ(send(get("/granted/x"))->status, 200);
}

TEST_F(Platform, AnApiKeyIsForUsAndGoesNoFurther) {
  const std::string key = "countersign-key-of-this-test";
  const std::string digest = base::to_hex(crypto::sha256(base::as_bytes(key)));
  gate_.replace(
      grant("api_key = true\n[[api_keys]]\nowner = \"production/acme/payments\"\ndigests = [\"" + digest + "\"]"));
  EXPECT_TRUE(contains(send(get("/granted/x"))->body, "policy.api_key_missing"));
  http::Request right = get("/granted/x");
  right.head.fields.add("x_api_KEY", key);
  const auto response = send(std::move(right));
  EXPECT_EQ(response->status, 200);
  EXPECT_FALSE(contains(response->body, key)) << response->body;
}

TEST_F(Platform, BodiesCountBothWays) {
  const std::string limit =
      "[[partners]]\nwho = \"production/acme/*\"\nbytes_in_per_day = 50\nbytes_out_per_day = 50\n";
  gate_.replace(grant(limit));
  http::Request request = get("/echo");
  request.body = std::string(50, 'x');
  EXPECT_EQ(send(std::move(request))->status, 200);
  const auto refused = send(get("/"));
  EXPECT_EQ(refused->status, 429);
  EXPECT_TRUE(refused->fields.find("Retry-After"));
}

const std::string kOpening =
    "GET /tunnel HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
const std::string kOpened =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n";
/// What the upstream answers with 100 bytes.
const std::string kAsk = "ask\r\n\r\n";
const std::string kTold = std::string(99, 'x') + ".";

TEST_F(Platform, BytesOfATunnelCountAsTheyPassAndEndItWhereTheyAreTooMany) {
  tunnelled_.say(kOpened, kTold);
  gate_.replace(grant("[[partners]]\nwho = \"production/acme/*\"\nbytes_out_per_day = 250\n"));
  const std::string heard =
      talk({{kOpening, "\r\n\r\n"}, {kAsk, kTold}, {kAsk, kTold + kTold}, {kAsk, kTold + kTold + kTold}, {kAsk, ""}});
  EXPECT_EQ(count_of(heard, "x."), 3U) << "the third goes beyond the limit, the fourth is over it";
  EXPECT_TRUE(lines_.has("policy.day_used_up"));
  EXPECT_EQ(send(get("/"))->status, 429) << "and so is whatever else its partner asks";
}

TEST_F(Platform, ATunnelThatIsOnlyObservedGoesOn) {
  tunnelled_.say(kOpened, kTold);
  gate_.replace(grant("[[partners]]\nwho = \"production/acme/*\"\nmode = \"observe\"\nbytes_out_per_day = 250\n"));
  const std::string heard = talk({{kOpening, "\r\n\r\n"},
                                  {kAsk, kTold},
                                  {kAsk, kTold + kTold},
                                  {kAsk, kTold + kTold + kTold},
                                  {kAsk, kTold + kTold + kTold + kTold}});
  EXPECT_EQ(count_of(heard, "x."), 4U);
}

TEST_F(Platform, ATunnelIsNoRequestThatTookLong) {
  tunnelled_.say(kOpened, ".");
  (void)talk({{kOpening, "\r\n\r\n"}, {kAsk, "."}});
  ASSERT_EQ(send(get("/"))->status, 200);
  EXPECT_TRUE(lines_.has("gateway.tunnel_ended"));
  worker_->drain(soon(), [] {});
  worker_->join();
  const std::string text = metrics_.to_text({1, -1, 1, generation_->plans().chain_counts()});
  EXPECT_TRUE(contains(text, "countersign_gateway_request_seconds_count 1\n")) << text;
}

TEST_F(Platform, AnUpstreamIsToldToWhichAddressTheClientCame) {
  rude_.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
  ASSERT_EQ(send(get("/introduced"))->status, 200);
  const std::string heard = rude_.heard();
  ASSERT_GE(heard.size(), 28U);
  const auto header = net::parse_proxy_header(base::as_bytes(heard.substr(0, 16 + 12 + 7)));
  ASSERT_TRUE(header) << base::to_string(header.error());
  EXPECT_FALSE(header->local);
  EXPECT_EQ(header->destination, (net::Endpoint{"127.0.0.1", worker_->local().port}));
}

TEST_F(Platform, ARequestThatWaitsForAnUpstreamIsNotSentOnceItsConnectionWasCut) {
  trust::CertificateFact fact = client_->fact();
  fact.revoked_for = "key_compromise";
  const auto& counts = generation_->upstreams()->named("narrow")->counts;
  net::Loop loop;
  std::string heard;
  const std::string ask = "GET /narrow HTTP/1.1\r\nHost: localhost\r\n\r\n";
  for (int i = 0; i < 2; ++i)
    net::spawn(loop, talk_to(loop, {{ask, ""}}, heard), "client", log_);
  const auto revoke_when_one_waits = [&] {
    if (counts.pending == 0) return false;
    EXPECT_TRUE(knowledge_.apply({2, fact}));
    worker_->knowledge_changed();
    EXPECT_TRUE(lines_.has("\"event\":\"connection.cut\""));
    rude_.hang_up();  // now the other one may have the upstream
    return true;
  };
  net::spawn(loop, poll(revoke_when_one_waits), "revoke", log_);
  loop.run();
  worker_->drain(soon(), [] {});
  worker_->join();
  EXPECT_EQ(heard, "");
  EXPECT_EQ(count_of(rude_.heard(), "GET /narrow"), 1U);
}

TEST_F(Platform, MetricsCountWhatHappened) {
  ASSERT_EQ(send(get("/"))->status, 200);
  const std::string text = metrics_.to_text({1, -1, 1, generation_->plans().chain_counts()});
  EXPECT_TRUE(contains(text, "countersign_gateway_handshakes_total{outcome=\"accepted\"} 1\n"));
  EXPECT_TRUE(contains(text, "countersign_gateway_refusals_total{reason=\"revoked\"} 0\n"));
}

}  // namespace
}  // namespace countersign::gateway
