// Upstreams over TLS that choose by ALPN what is spoken: one connection for many or one for each, who is shown what,
// and what becomes of connections when our certificate changes.
#include <set>

#include <gtest/gtest.h>

#include "gateway/upstream/call.h"
#include "gateway/upstream/keeper.h"
#include "http/h2_session.h"
#include "http/server.h"
#include "testing/pki.h"
#include "testing/run.h"
#include "testing/soon.h"

namespace countersign::gateway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::soon;

/// Speaks HTTP/2 or HTTP/1.1 as ALPN says; /held is answered when it is let go, /healthz counted apart.
class TlsService {
 public:
  TlsService(net::Loop& loop, const base::Log& log, testing::Pki& pki)
      : loop_(loop), log_(log), pki_(pki), listener_(*net::Listener::bind(loop, {.at = {"127.0.0.1", 0}})) {
    net::spawn(loop, accept(), "service", log);
  }
  net::Endpoint at() const { return listener_.local(); }
  void use(std::shared_ptr<const tls::ServerContext> context) { context_ = std::move(context); }

  int connections = 0;
  int of_http2 = 0;
  int ended = 0;
  int requests = 0;
  int checks = 0;
  int at_once = 0;
  int status = 200;
  bool let_go = false;
  std::vector<std::string> shown;  ///< serial number of each client's certificate

 private:
  net::Task<void> accept() {
    for (;;) {
      auto socket = co_await listener_.accept();
      if (!socket) co_return;
      net::spawn(loop_, serve(std::move(*socket)), "service.connection", log_);
    }
  }
  net::Task<void> serve(net::Socket socket) {
    tls::JudgeClient judge = [this](const trust::Presented& presented) { return admit(presented); };
    auto context = context_;
    auto connection =
        co_await tls::Handshake::accept_optional(std::move(socket), std::move(context), std::move(judge), soon());
    if (!connection) co_return;
    ++connections;
    if (connection->peer) shown.push_back(connection->peer->certificate().serial().hex());
    if (connection->protocol == tls::Protocol::http_2) {
      ++of_http2;
      http::H2Session session(
          loop_, *connection->stream,
          {.serve = [this](http::H2Stream s) { net::spawn(loop_, answer(std::move(s)), "a", log_); },
           .malformed = [](const base::Error&) {}},
          log_);
      (void)co_await session.run();
    } else {
      const http::Handler handler = [this](http::Request request) { return answer_http1(std::move(request)); };
      const http::ServerOptions options;
      co_await http::serve(*connection->stream, handler, options);
    }
    ++ended;
  }
  net::Task<void> answer(http::H2Stream stream) {
    ++(stream.head().target == "/healthz" ? checks : requests);
    ++at_once;
    while (stream.head().target == "/held" && !let_go && !stream.is_gone())
      co_await net::sleep_until(net::Deadline::after(milliseconds(5)));
    stream.send_head(status, {}, http::H2Stream::Body::none);
    (void)co_await stream.finish(soon());
    --at_once;
  }
  net::Task<http::Response> answer_http1(http::Request request) {
    ++(request.head.target == "/healthz" ? checks : requests);
    http::Response response;
    response.status = status;
    co_return response;
  }
  base::Result<trust::AdmittedChain, trust::Refusal> admit(const trust::Presented& presented) const {
    auto chain = trust::verify_chain(presented.chain(), {.purposes = {trust::Purpose::service}}, pki_.provider_trust(),
                                     pki_.now());
    if (!chain) return base::unexpected(std::move(chain).error());
    const auto registry = pki_.registry();
    return trust::admit(std::move(*chain), *registry);
  }

  net::Loop& loop_;
  const base::Log& log_;
  testing::Pki& pki_;
  net::Listener listener_;
  std::shared_ptr<const tls::ServerContext> context_;
};

class H2TlsUpstreams : public ::testing::Test {
 protected:
  H2TlsUpstreams() {
    settings_.name = "grpc";
    settings_.addresses = {service_.at()};
    settings_.ejection.failures = 0;
    settings_.idle_time = seconds(1);  // after it the loop runs dry
    settings_.resolve_time = base::Duration::zero();
    settings_.tls.emplace();
    settings_.tls->anchors = std::make_shared<const trust::TrustSet>(pki_.web_trust());
    settings_.tls->server_name = "payments.example";
  }
  void start(UpstreamProtocol protocol, bool service_speaks_http2) {
    testing::Issued own = pki_.server("payments.example").issue();
    const tls::Credential credential{std::move(own.chain), std::move(own.key)};
    service_.use(
        tls::ServerContext::make(credential, {.mode = tls::ClientCertificate::optional, .http2 = service_speaks_http2})
            .value());
    settings_.protocol = protocol;
    state_ = std::make_shared<UpstreamState>(settings_);
    upstream_ = std::make_shared<Upstream>(UpstreamConnector::Needs{loop_, pki_.clock(), registry_, log_.log()}, state_,
                                           Dice(1));
  }
  std::string show_another() {
    testing::Issued own = pki_.service().issue();
    std::string serial = own.certificate.serial().hex();
    state_->use_credential(
        std::make_shared<const tls::Credential>(tls::Credential{std::move(own.chain), std::move(own.key)}));
    return serial;
  }

  /// As an exchange does it: the status, or the code of the error.
  net::Task<std::string> get(std::string path) {
    UpstreamCall call(upstream_, {});
    auto connected = co_await call.connect();
    if (!connected) co_return connected.error().code;
    base::Result<int> status = 0;
    if (call.stream() != nullptr) status = co_await ask_h2(*call.stream(), path);
    else status = co_await ask_h1(*call.connection());
    if (!status) co_return status.error().code;
    call.answered(*status);
    call.give_back();
    co_return std::to_string(*status);
  }
  static net::Task<base::Result<int>> ask_h2(http::H2ClientStream& stream, std::string path) {
    BASE_CO_TRY_VOID(stream.send_head({"GET", "https", "localhost", path, {}}, http::H2ClientStream::Body::none));
    BASE_CO_TRY(const auto head, co_await stream.read_head(soon()));
    co_return head.status;
  }
  static net::Task<base::Result<int>> ask_h1(UpstreamConnection& connection) {
    constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    BASE_CO_TRY_VOID(co_await connection.stream->write_all(base::as_bytes(kGet), soon()));
    BASE_CO_TRY(const auto head, co_await connection.reader.read_response_head("GET", soon()));
    co_return head.status;
  }
  net::Task<void> get_into(std::string path, std::vector<std::string>& outcomes) {
    outcomes.push_back(co_await get(std::move(path)));
  }
  net::Task<std::vector<std::string>> gets(int count) {
    std::vector<std::string> outcomes;
    net::TaskGroup group(loop_, log_.log());
    for (int i = 0; i < count; ++i)
      group.spawn(get_into("/", outcomes), "get");
    EXPECT_TRUE(co_await group.wait_until_empty(soon()));
    co_return outcomes;
  }
  std::vector<std::string> run_gets(int count) { return testing::run(loop_, gets(count)); }
  bool until(const std::function<bool()>& is_so) {
    for (const net::Deadline deadline = soon(); !is_so() && !deadline.passed();) {
      upstream_->sweep();  // as the worker's housekeeping does
      testing::run(loop_, net::sleep_until(net::Deadline::after(milliseconds(5))));
    }
    return is_so();
  }

  testing::KeptLog log_;
  testing::Pki pki_;
  trust::RegistryView registry_;
  net::Loop loop_;
  TlsService service_{loop_, log_.log(), pki_};
  UpstreamSettings settings_;
  std::shared_ptr<UpstreamState> state_;
  std::shared_ptr<Upstream> upstream_;
};

// -- what ALPN chooses (RFC 7301; RFC 9113 section 3.2)

struct AlpnRow {
  std::string name;
  UpstreamProtocol protocol;
  bool service_speaks_http2;
  std::string outcome;
  int of_http2;  ///< connections, of five requests at once
  bool shared;
};
class Alpn : public H2TlsUpstreams, public ::testing::WithParamInterface<AlpnRow> {};

TEST_P(Alpn, SaysWhatIsSpoken) {
  start(GetParam().protocol, GetParam().service_speaks_http2);
  EXPECT_EQ(run_gets(5), std::vector<std::string>(5, GetParam().outcome));
  EXPECT_EQ(service_.of_http2, GetParam().of_http2);
  EXPECT_EQ(service_.connections == 1, GetParam().shared) << service_.connections;
}

INSTANTIATE_TEST_SUITE_P(Rows, Alpn,
                         ::testing::Values(AlpnRow{"auto_and_http2", UpstreamProtocol::any, true, "200", 1, true},
                                           AlpnRow{"auto_and_http1", UpstreamProtocol::any, false, "200", 0, false},
                                           AlpnRow{"http2_and_http2", UpstreamProtocol::http2, true, "200", 1, true},
                                           AlpnRow{"http2_and_http1", UpstreamProtocol::http2, false,
                                                   "gateway.upstream_protocol", 0, false},
                                           AlpnRow{"http1_and_http2", UpstreamProtocol::http1, true, "200", 0, false}),
                         [](const auto& row) { return row.param.name; });

// -- our certificate

TEST_F(H2TlsUpstreams, OverMutualTlsWithoutACertificateNothingIsAsked) {
  settings_.tls->proof = UpstreamTls::Proof::service;
  start(UpstreamProtocol::http2, true);
  EXPECT_EQ(run_gets(1), std::vector<std::string>(1, "gateway.no_credential"));
  const std::string shown = show_another();
  EXPECT_EQ(run_gets(3), std::vector<std::string>(3, "200"));
  EXPECT_EQ(service_.shown, std::vector<std::string>{shown});
}

TEST_F(H2TlsUpstreams, AnotherCertificateEndsTheConnectionThatShowedTheOldOneWithItsLastRequest) {
  settings_.tls->proof = UpstreamTls::Proof::service;
  start(UpstreamProtocol::http2, true);
  const std::string first = show_another();
  std::vector<std::string> held;
  net::spawn(loop_, get_into("/held", held), "held", log_.log());
  ASSERT_TRUE(until([&] { return service_.at_once == 1; }));
  const std::string second = show_another();
  EXPECT_EQ(run_gets(5), std::vector<std::string>(5, "200"));
  EXPECT_EQ(service_.shown, (std::vector<std::string>{first, second})) << "what is new shows the new one";
  EXPECT_EQ(service_.ended, 0) << "the old one still has a request";
  service_.let_go = true;
  EXPECT_TRUE(until([&] { return !held.empty() && service_.ended == 1; })) << "and ends with it";
  EXPECT_EQ(held, std::vector<std::string>(1, "200")) << "which was not lost";
}

TEST_F(H2TlsUpstreams, WhoIsInNoConfigurationAnyMoreEndsWithItsLastRequest) {
  start(UpstreamProtocol::http2, true);
  std::vector<std::string> held;
  net::spawn(loop_, get_into("/held", held), "held", log_.log());
  ASSERT_TRUE(until([&] { return service_.at_once == 1; }));
  upstream_->retire();
  service_.let_go = true;
  EXPECT_TRUE(until([&] { return !held.empty() && service_.ended == 1; }));
  EXPECT_EQ(held, std::vector<std::string>(1, "200"));
}

// -- health checks

struct CheckRow {
  std::string name;
  UpstreamProtocol protocol;
  int status;
  bool healthy;
};
class H2Checks : public H2TlsUpstreams, public ::testing::WithParamInterface<CheckRow> {};

TEST_P(H2Checks, AskInTheLanguageOfTheUpstream) {
  settings_.check = UpstreamCheck{.path = "/healthz", .interval = milliseconds(20), .rules = {.rise = 1, .fall = 1}};
  service_.status = GetParam().status;
  start(GetParam().protocol, true);
  UpstreamKeeper keeper({loop_, pki_.clock(), registry_, log_.log()}, Dice(2));
  keeper.keep(state_);
  EXPECT_TRUE(until([&] { return service_.checks >= 3; }));
  EXPECT_EQ(service_.of_http2 > 0, GetParam().protocol != UpstreamProtocol::http1);
  EXPECT_TRUE(until([&] { return upstream_->is_down() != GetParam().healthy; }));
  state_->retire();
}

INSTANTIATE_TEST_SUITE_P(Rows, H2Checks,
                         ::testing::Values(CheckRow{"http2_and_well", UpstreamProtocol::http2, 200, true},
                                           CheckRow{"http2_and_not", UpstreamProtocol::http2, 503, false},
                                           CheckRow{"auto_and_well", UpstreamProtocol::any, 200, true},
                                           CheckRow{"http1_and_well", UpstreamProtocol::http1, 200, true}),
                         [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace countersign::gateway
