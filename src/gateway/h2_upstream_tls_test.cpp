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
