// A request's way to real upstreams on loopback: who is asked, who is asked next, and who is not.
#include "gateway/upstream/call.h"

#include <gtest/gtest.h>

#include "gateway/upstream/keeper.h"
#include "http/server.h"
#include "net/proxy_protocol.h"
#include "testing/pki.h"
#include "testing/run.h"
#include "testing/soon.h"

namespace countersign::gateway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::Issued;
using testing::Pki;
using testing::soon;

/// What a server does with a connection.
enum class Manner { answers, closes, hangs };

/// An upstream on a free port, with or without TLS.
class Server {
 public:
  Server(net::Loop& loop, const base::Log& log) : loop_(loop), log_(log), listener_(*net::Listener::bind(loop, any())) {
    net::spawn(loop, accept(), "server", log);
  }
  net::Endpoint at() const { return listener_.local(); }
  void stop() { listener_.close(); }
  void use_tls(std::shared_ptr<const tls::ServerContext> context) { context_ = std::move(context); }

  Manner manner = Manner::answers;
  int status = 200;
  bool wants_proxy_header = false;
  int connections = 0;
  int requests = 0;
  std::string proxied_for = {};
  std::string shown = {};  ///< serial number of the client's certificate

 private:
  static net::Listener::Options any() { return {.at = {"127.0.0.1", 0}}; }
  net::Task<void> accept() {
    for (;;) {
      auto socket = co_await listener_.accept();
      if (!socket) co_return;
      ++connections;
      net::spawn(loop_, serve(std::move(*socket)), "server.connection", log_);
    }
  }
  net::Task<void> serve(net::Socket socket) {
    if (wants_proxy_header) {
      const auto header = co_await net::read_proxy_header(socket, soon());
      proxied_for = !header ? header.error().code : header->local ? "local" : header->source.to_string();
    }
    if (context_ == nullptr) {
      co_await serve_http(socket);
      co_return;
    }
    tls::JudgeClient judge = [this](const trust::Presented& presented) { return admit(presented); };
    auto context = context_;
    auto connection =
        co_await tls::Handshake::accept_optional(std::move(socket), std::move(context), std::move(judge), soon());
    if (!connection) co_return;
    if (connection->peer) shown = connection->peer->certificate().serial().hex();
    co_await serve_http(*connection->stream);
  }
  net::Task<void> serve_http(net::Stream& stream) {
    if (manner == Manner::answers) {
      const http::Handler handler = [this](http::Request request) { return answer(std::move(request)); };
      const http::ServerOptions options;
      co_await http::serve(stream, handler, options);
      co_return;
    }
    std::array<std::uint8_t, 1024> buffer;
    (void)co_await stream.read_some(buffer, soon());
    if (manner == Manner::hangs) (void)co_await stream.read_some(buffer, soon());
  }
  net::Task<http::Response> answer(http::Request request) {
    ++requests;
    http::Response response;
    response.status = status;
    response.body = request.head.method;
    co_return response;
  }
  base::Result<trust::AdmittedChain, trust::Refusal> admit(const trust::Presented& presented) const {
    auto chain = trust::verify_chain(presented.chain(), {.purposes = {trust::Purpose::service}}, *trust, pki->now());
    if (!chain) return base::unexpected(std::move(chain).error());
    return trust::admit(std::move(*chain), *registry);
  }

  net::Loop& loop_;
  const base::Log& log_;
  net::Listener listener_;
  std::shared_ptr<const tls::ServerContext> context_;

 public:
  const Pki* pki = nullptr;
  std::optional<trust::TrustSet> trust = {};
  std::shared_ptr<trust::RegistryView> registry = {};
};

/// Three upstreams and one worker's view of them.
class Calls : public ::testing::Test {
 protected:
  Calls() {
    for (int i = 0; i < 3; ++i) {
      servers_.push_back(std::make_unique<Server>(loop_, log_.log()));
      settings_.addresses.push_back(servers_.back()->at());
    }
    settings_.name = "payments";
    settings_.ejection.failures = 0;
  }

  /// With what settings_ say by now.
  void start() {
    state_ = std::make_shared<UpstreamState>(settings_);
    upstream_ = std::make_shared<Upstream>(UpstreamConnector::Needs{loop_, pki_.clock(), registry_, log_.log()}, state_,
                                           Dice(1));
  }
  Server& server(std::size_t i) { return *servers_[i]; }
  int requests() const {
    int all = 0;
    for (const auto& one : servers_)
      all += one->requests;
    return all;
  }

  /// As an exchange does it, for a GET without body: the status of the answer, or the code of the error.
  net::Task<std::string> get() {
    UpstreamCall call(upstream_, {{"192.0.2.7", 40000}, {"198.51.100.1", 8443}});
    for (;;) {
      auto connected = co_await call.connect();
      if (!connected) {
        call.failed(connected.error());
        co_return connected.error().code;
      }
      const auto status = co_await ask(*call.connection());
      if (status) {
        call.answered(*status);
        if (keeps_) call.give_back();
        co_return std::to_string(*status);
      }
      if (call.may_send_again(status.error())) continue;
      call.failed(status.error());
      co_return status.error().code;
    }
  }
  static net::Task<base::Result<int>> ask(UpstreamConnection& connection) {
    constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    BASE_CO_TRY_VOID(co_await connection.stream->write_all(base::as_bytes(kGet), soon()));
    BASE_CO_TRY(const auto head,
                co_await connection.reader.read_response_head("GET", net::Deadline::after(milliseconds(500))));
    std::array<std::uint8_t, 1024> body;
    while (!connection.reader.at_end_of_message())
      BASE_CO_TRY_VOID(co_await connection.reader.read_body_some(body, soon()));
    co_return head.status;
  }
  std::string run_get() { return testing::run(loop_, get()); }
  net::Task<void> get_into(std::vector<std::string>& outcomes) { outcomes.push_back(co_await get()); }
  /// Several at once.
  std::vector<std::string> run_gets(int count) {
    std::vector<std::string> outcomes;
    net::TaskGroup group(loop_, log_.log());
    for (int i = 0; i < count; ++i)
      group.spawn(get_into(outcomes), "get");
    (void)testing::run(loop_, group.wait_until_empty(soon()));
    std::ranges::sort(outcomes);
    return outcomes;
  }
  bool logged(const std::string& part) const {
    return std::ranges::any_of(log_.lines(),
                               [&](const std::string& line) { return line.find(part) != std::string::npos; });
  }

  /// Has all servers speak TLS with `certificate`, and the gateway believe `anchors`.
  void use_tls(Issued certificate, trust::TrustSet anchors) {
    auto own =
        std::make_shared<tls::Credential>(tls::Credential{std::move(certificate.chain), std::move(certificate.key)});
    const auto context = *tls::ServerContext::make(*own, tls::ClientCertificate::optional, {});
    for (const auto& one : servers_) {
      one->use_tls(context);
      one->pki = &pki_;
      one->trust = pki_.provider_trust();
      one->registry = pki_.registry();
    }
    settings_.tls.emplace();
    settings_.tls->anchors = std::make_shared<const trust::TrustSet>(std::move(anchors));
    settings_.tls->server_name = "payments.example";
  }
  std::shared_ptr<const tls::Credential> service_credential(std::string& serial) {
    Issued own = pki_.service().issue();
    serial = own.certificate.serial().hex();
    for (const auto& one : servers_)
      one->registry = pki_.registry();
    return std::make_shared<const tls::Credential>(tls::Credential{std::move(own.chain), std::move(own.key)});
  }

  testing::KeptLog log_;
  Pki pki_;
  trust::RegistryView registry_;
  net::Loop loop_;
  std::vector<std::unique_ptr<Server>> servers_;
  UpstreamSettings settings_;
  std::shared_ptr<UpstreamState> state_;
  std::shared_ptr<Upstream> upstream_;
  bool keeps_ = true;
};

TEST_F(Calls, AreSpreadOverAllAddresses) {
  start();
  for (int i = 0; i < 60; ++i)
    ASSERT_EQ(run_get(), "200");
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_GT(server(i).requests, 5);
  EXPECT_LE(server(0).connections + server(1).connections + server(2).connections, 3) << "kept ones are used";
}

TEST_F(Calls, GoElsewhereWhereNobodyListens) {
  start();
  server(0).stop();
  for (int i = 0; i < 30; ++i)
    ASSERT_EQ(run_get(), "200");
  EXPECT_EQ(requests(), 30);
  EXPECT_GT(state_->counts.retries, 0U);
}

TEST_F(Calls, GoElsewhereWhereTheAnswerBreaksOff) {
  start();
  server(0).manner = Manner::closes;
  for (int i = 0; i < 30; ++i)
    ASSERT_EQ(run_get(), "200");
}

TEST_F(Calls, AreNotSentAgainWhereTheAnswerIsLate) {
  start();
  for (std::size_t i = 0; i < 3; ++i)
    server(i).manner = Manner::hangs;
  EXPECT_EQ(run_get(), "net.timeout");
  EXPECT_EQ(server(0).connections + server(1).connections + server(2).connections, 1);
}

TEST_F(Calls, EndSoonWhereNobodyListensAtAll) {
  start();
  for (std::size_t i = 0; i < 3; ++i)
    server(i).stop();
  EXPECT_EQ(run_get(), "net.connect");
  EXPECT_EQ(state_->counts.retries, 2U) << "each of the others once";
}

TEST_F(Calls, WithoutRetriesTheFirstFailureIsTheAnswer) {
  settings_.retries = 0;
  start();
  for (std::size_t i = 0; i < 3; ++i)
    server(i).stop();
  EXPECT_EQ(run_get(), "net.connect");
  EXPECT_EQ(state_->counts.retries, 0U);
}

TEST_F(Calls, RetriesEndWithTheirBudget) {
  settings_.retry_ratio = 0.1;
  start();
  for (std::size_t i = 0; i < 3; ++i)
    server(i).stop();
  for (int i = 0; i < 50; ++i)
    run_get();
  EXPECT_LE(state_->counts.retries, 16U) << "a reserve of 10, one for ten requests, and a moment";
}

TEST_F(Calls, OneThatFailsIsEjectedAndComesBack) {
  settings_.ejection = {.failures = 2, .time = milliseconds(300)};
  start();
  server(0).status = 503;
  for (int i = 0; i < 30; ++i)
    run_get();
  EXPECT_EQ(server(0).requests, 2) << "it is asked no more";
  EXPECT_TRUE(logged("\"event\":\"upstream.ejected\""));
  server(0).status = 200;
  testing::run(loop_, net::sleep_until(net::Deadline::after(milliseconds(350))));
  for (int i = 0; i < 30; ++i)
    EXPECT_EQ(run_get(), "200");
  EXPECT_GT(server(0).requests, 2);
}

TEST_F(Calls, WhereAllFailNobodyIsLeftOut) {
  settings_.ejection = {.failures = 1, .time = seconds(60)};
  start();
  for (std::size_t i = 0; i < 3; ++i)
    server(i).status = 503;
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(run_get(), "503") << "the upstream's own answer";
}

TEST_F(Calls, AreRefusedAtOnceWhereAllAreDown) {
  settings_.check = UpstreamCheck{.path = "/"};
  start();
  for (const auto& address : *state_->addresses())
    for (int i = 0; i < 3; ++i)
      address->health.note_check(AddressHealth::Passed::no, settings_.check->rules);
  EXPECT_EQ(run_get(), "gateway.upstream_down");
  EXPECT_EQ(requests(), 0);
  (*state_->addresses())[1]->health.note_check(AddressHealth::Passed::yes, settings_.check->rules);
  (*state_->addresses())[1]->health.note_check(AddressHealth::Passed::yes, settings_.check->rules);
  EXPECT_EQ(run_get(), "200");
  EXPECT_EQ(server(1).requests, 1);
}

TEST_F(Calls, TooManyAtOnceAreRefused) {
  settings_.limits.requests = 2;
  start();
  const auto outcomes = run_gets(5);
  EXPECT_EQ(outcomes, (std::vector<std::string>{"200", "200", "gateway.upstream_overloaded",
                                                "gateway.upstream_overloaded", "gateway.upstream_overloaded"}));
  EXPECT_EQ(upstream_->breaker().requests(), 0U);
  EXPECT_EQ(run_get(), "200") << "the places are free again";
}

TEST_F(Calls, WaitForAConnectionWhereAllAreBusy) {
  settings_.limits = {.connections = 2, .pending = 3, .requests = 100};
  start();
  const auto outcomes = run_gets(8);
  EXPECT_EQ(std::ranges::count(outcomes, "200"), 5) << "two at once, three after them";
  EXPECT_EQ(std::ranges::count(outcomes, "gateway.upstream_overloaded"), 3);
  EXPECT_LE(upstream_->breaker().connections(), 2U);
  EXPECT_EQ(upstream_->breaker().pending(), 0U);
  EXPECT_TRUE(logged("upstream.overloaded"));
}

TEST_F(Calls, WaitForAConnectionThatIsClosedToo) {
  settings_.limits = {.connections = 1, .pending = 9, .requests = 100};
  keeps_ = false;
  start();
  EXPECT_EQ(run_gets(6), std::vector<std::string>(6, "200"));
  EXPECT_EQ(state_->counts.connections, 0);
}

TEST_F(Calls, AnAddressThatIsGoneIsNotAsked) {
  start();
  for (int i = 0; i < 10; ++i)
    run_get();
  const int before = server(0).requests;
  state_->use_addresses({{server(1).at()}, {server(1).at()}, {server(2).at()}});
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(run_get(), "200");
  EXPECT_EQ(server(0).requests, before);
}

TEST_F(Calls, OverTlsTheNameIsVerified) {
  use_tls(pki_.server("payments.example").issue(), pki_.web_trust());
  start();
  EXPECT_EQ(run_get(), "200");
}

TEST_F(Calls, OverTlsAnotherNameGetsNothing) {
  use_tls(pki_.server("other.example").issue(), pki_.web_trust());
  start();
  EXPECT_EQ(run_get(), "gateway.upstream_untrusted");
  EXPECT_EQ(requests(), 0);
}

TEST_F(Calls, OverTlsAnotherCaGetsNothing) {
  use_tls(pki_.server("payments.example").issue(), pki_.provider_trust());
  start();
  EXPECT_EQ(run_get(), "gateway.upstream_untrusted");
  EXPECT_EQ(requests(), 0);
}

TEST_F(Calls, OverTlsARevokedCertificateOfOursGetsNothing) {
  Issued certificate = pki_.internal_server("gateway", "payments.example").issue();
  trust::CertificateFact fact = certificate.fact();
  use_tls(std::move(certificate), pki_.provider_trust());
  start();
  EXPECT_EQ(run_get(), "200");
  fact.revoked_for = "key_compromise";
  registry_.apply(fact);
  start();
  EXPECT_EQ(run_get(), "gateway.upstream_untrusted");
}

TEST_F(Calls, OverMutualTlsOurCertificateIsShownAndAnotherOneSoon) {
  use_tls(pki_.server("payments.example").issue(), pki_.web_trust());
  settings_.tls->proof = UpstreamTls::Proof::service;
  settings_.addresses.resize(1);
  start();
  EXPECT_EQ(run_get(), "gateway.no_credential") << "there is none yet";
  std::string first;
  state_->use_credential(service_credential(first));
  EXPECT_EQ(run_get(), "200");
  EXPECT_EQ(server(0).shown, first);
  EXPECT_EQ(run_get(), "200");
  EXPECT_EQ(server(0).connections, 1 + 1) << "kept; the first one never came to a handshake";
  std::string second;
  state_->use_credential(service_credential(second));
  EXPECT_EQ(run_get(), "200");
  EXPECT_EQ(server(0).shown, second) << "connections with the old one serve nobody any more";
}

TEST_F(Calls, AProxyHeaderSaysForWhomAndIsNotShared) {
  settings_.send_proxy_header = true;
  settings_.addresses.resize(1);
  server(0).wants_proxy_header = true;
  start();
  EXPECT_EQ(run_get(), "200");
  EXPECT_EQ(server(0).proxied_for, "192.0.2.7:40000");
  EXPECT_EQ(run_get(), "200");
  EXPECT_EQ(server(0).connections, 2);
}

TEST_F(Calls, ChecksTakeDownWhoFailsThem) {
  settings_.check = UpstreamCheck{.path = "/healthz", .interval = milliseconds(20), .rules = {.rise = 1, .fall = 2}};
  settings_.resolve_time = base::Duration::zero();
  server(0).status = 500;
  server(2).stop();
  start();
  UpstreamKeeper keeper({loop_, pki_.clock(), registry_, log_.log()}, Dice(2));
  keeper.keep(state_);
  const auto& addresses = *state_->addresses();
  const auto until = [&](auto done) {
    for (int i = 0; i < 1000 && !done(); ++i)
      testing::run(loop_, net::sleep_until(net::Deadline::after(milliseconds(10))));
    return done();
  };
  EXPECT_TRUE(until([&] { return addresses[0]->health.is_down() && addresses[2]->health.is_down(); }));
  EXPECT_FALSE(addresses[1]->health.is_down());
  EXPECT_TRUE(logged("\"event\":\"upstream.down\""));
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(run_get(), "200");
  server(0).status = 200;
  EXPECT_TRUE(until([&] { return !addresses[0]->health.is_down(); }));
  EXPECT_TRUE(logged("\"event\":\"upstream.up\""));
}

}  // namespace
}  // namespace countersign::gateway
