// Upstreams over TLS that choose by ALPN what is spoken: one connection for many or one for each, who is shown what,
// and what becomes of connections when our certificate changes.
#include "gateway/tls_upstream_test.h"
#include "gateway/upstream/keeper.h"

namespace countersign::gateway {
namespace {

using std::chrono::milliseconds;

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

// -- an address to which a connection fails before anybody can wait for it

TEST_F(H2TlsUpstreams, AfterAnAddressThatFailsAtOnceTheConnectionToAnotherIsWaitedFor) {
  settings_.addresses = {service_.at(), {"127.255.255.255", 9}};  // there is no connection to a broadcast address
  start(UpstreamProtocol::http2, true);
  service_.lets_in = false;
  std::vector<std::string> outcomes;
  net::spawn(loop_, get_into("/", outcomes), "first", log_.log());
  ASSERT_TRUE(until([&] { return service_.accepted == 1; }));
  const auto failures = [&] { return state_->addresses()->back()->failures.load(); };
  const auto before = failures();
  net::spawn(loop_, get_into("/", outcomes), "second", log_.log());
  EXPECT_TRUE(until([&] { return upstream_->breaker().pending() == 1 || !outcomes.empty(); }));
  EXPECT_EQ(failures(), before + 1) << "less is under way there, so it went there first";
  service_.lets_in = true;
  EXPECT_TRUE(until([&] { return outcomes.size() == 2; }));
  EXPECT_EQ(outcomes, std::vector<std::string>(2, "200"));
  EXPECT_EQ(service_.accepted, 1);
}

// -- what happens between the moment when a connection is there and the one when whoever wanted it has it

/// Tells of being asked, as it is about the peer of a new connection.
class AskedClock final : public base::Clock {
 public:
  explicit AskedClock(const base::Clock& clock) : clock_(clock) {}
  base::Instant now() const override {
    if (asked && !std::exchange(busy_, true)) {
      asked();
      busy_ = false;
    }
    return clock_.now();
  }
  std::function<void()> asked = {};

 private:
  const base::Clock& clock_;
  mutable bool busy_ = false;
};

class JustMade : public H2TlsUpstreams {
 protected:
  void start_here(testing::Issued own) {
    start(UpstreamProtocol::http2, true, std::move(own));
    upstream_ =
        std::make_shared<Upstream>(UpstreamConnector::Needs{loop_, clock_, registry_, log_.log()}, state_, Dice(1));
  }
  /// Another request takes the only stream of the first connection at once.
  void start_with_another(std::size_t connections) {
    settings_.streams = 1;
    settings_.limits.connections = connections;
    start_here(pki_.server("payments.example").issue());
    clock_.asked = [this] {
      if (another_was_faster_) return;
      another_.emplace(upstream_, ClientAddresses{});
      another_was_faster_ =
          another_->connect_now() &&
          another_->stream()->send_head({"GET", "https", "localhost", "/held", {}}, http::H2ClientStream::Body::none);
      if (!another_was_faster_) another_.reset();
    };
    net::spawn(loop_, get_into("/", outcomes_), "get", log_.log());
  }
  net::Task<void> revoke_when_told(trust::CertificateFact fact) {
    EXPECT_TRUE(co_await told_.wait(soon()));
    fact.revoked_for = "key_compromise";
    registry_.apply(fact);
    upstream_->reconsider();
  }
  void expect_200() {
    EXPECT_TRUE(until([&] { return !outcomes_.empty(); }));
    EXPECT_EQ(outcomes_, std::vector<std::string>(1, "200"));
    EXPECT_TRUE(another_was_faster_);
    EXPECT_EQ(state_->addresses()->front()->failures, 0U);
  }

  AskedClock clock_{pki_.clock()};
  net::Signal told_{loop_};
  std::optional<UpstreamCall> another_;
  bool another_was_faster_ = false;
  std::vector<std::string> outcomes_;
};

TEST_F(JustMade, WhereAnotherTookTheLastStreamOfItThereIsOneMore) {
  start_with_another(2);
  expect_200();
  EXPECT_EQ(service_.accepted, 2);
}

TEST_F(JustMade, WhereAnotherTookTheLastStreamOfAllItIsWaitedFor) {
  start_with_another(1);
  EXPECT_TRUE(until([&] { return upstream_->breaker().pending() == 1 || !outcomes_.empty(); }));
  EXPECT_TRUE(outcomes_.empty());
  another_.reset();
  expect_200();
  EXPECT_EQ(service_.accepted, 1);
}

TEST_F(JustMade, WhereItsPeerIsRevokedTheReasonIsTold) {
  settings_.tls->anchors = std::make_shared<const trust::TrustSet>(pki_.provider_trust());
  testing::Issued own = pki_.internal_server("gateway", "payments.example").issue();
  registry_.apply(own.fact());
  net::spawn(loop_, revoke_when_told(own.fact()), "revoke", log_.log());
  start_here(std::move(own));
  clock_.asked = [this] {
    if (state_->counts.connections > 0) told_.raise();
  };
  EXPECT_EQ(run_gets(1), std::vector<std::string>(1, "gateway.upstream_untrusted"));
  EXPECT_EQ(state_->counts.cut, 1U);
  EXPECT_EQ(service_.requests, 0);
}

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
