// A service whose certificate is not believed any more: its connections end, kept ones and those that carry requests.
#include "gateway/tls_upstream_test.h"
#include "gateway/upstream/upstreams.h"

namespace countersign::gateway {
namespace {

using std::chrono::milliseconds;

struct PeerRow {
  std::string name;
  UpstreamProtocol protocol;
  enum { revoked, withdrawn, expired } what;
  std::string reason;
};

class Peers : public H2TlsUpstreams, public ::testing::WithParamInterface<PeerRow> {
 protected:
  void SetUp() override {
    settings_.tls->anchors = std::make_shared<const trust::TrustSet>(pki_.provider_trust());
    settings_.retries = 0;
    service_certificate_.emplace(pki_.internal_server("gateway", "payments.example").issue());
    issuing_ca_.emplace(service_certificate_->chain.at(1));
    fact_.emplace(service_certificate_->fact());
    registry_.apply(*fact_);
    start(GetParam().protocol, GetParam().protocol == UpstreamProtocol::http2, std::move(*service_certificate_));
  }
  void refuse() {
    switch (GetParam().what) {
      case PeerRow::revoked: fact_->revoked_for = "key_compromise"; return registry_.apply(*fact_);
      case PeerRow::withdrawn:
        return registry_.apply(trust::WithdrawnCa{*issuing_ca_, trust::WithdrawalCause::compromised});
      case PeerRow::expired: return pki_.clock().set(fact_->not_after + std::chrono::seconds(1));
    }
  }
  std::size_t lines_with(const std::string& text) const {
    const auto lines = log_.lines();
    return static_cast<std::size_t>(
        std::ranges::count_if(lines, [&](const auto& line) { return line.find(text) != std::string::npos; }));
  }
  /// What the next one meets: the same reason, at the handshake.
  void expect_refused() {
    EXPECT_EQ(run_gets(1), std::vector<std::string>(1, "gateway.upstream_untrusted"));
    EXPECT_TRUE(until([&] { return state_->counts.connections == 0; }));
    EXPECT_EQ(state_->counts.cut, 1U);
    EXPECT_EQ(lines_with("\"event\":\"upstream.cut\""), 1U);
    EXPECT_EQ(lines_with("\"reason\":\"" + GetParam().reason + "\""), 1U);
  }

  std::optional<testing::Issued> service_certificate_;
  std::optional<x509::Certificate> issuing_ca_;
  std::optional<trust::CertificateFact> fact_;
};

TEST_P(Peers, AreBelievedWhileNothingSpeaksAgainstThem) {
  EXPECT_EQ(run_gets(1), std::vector<std::string>(1, "200"));
  trust::CertificateFact another = pki_.client().issue().fact();
  another.revoked_for = "key_compromise";
  registry_.apply(another);
  upstream_->reconsider();
  EXPECT_EQ(run_gets(1), std::vector<std::string>(1, "200"));
  EXPECT_EQ(service_.connections, 1);
}

TEST_P(Peers, AKeptConnectionIsClosedAtOnce) {
  EXPECT_EQ(run_gets(1), std::vector<std::string>(1, "200"));
  refuse();
  upstream_->reconsider();
  EXPECT_EQ(upstream_->breaker().connections(), GetParam().protocol == UpstreamProtocol::http2 ? 1U : 0U);
  EXPECT_TRUE(until([&] { return service_.ended == 1; }));
  expect_refused();
  EXPECT_EQ(service_.requests, 1);
}

TEST_P(Peers, NoRequestGoesOnAKeptConnectionEvenBeforeItIsClosed) {
  EXPECT_EQ(run_gets(1), std::vector<std::string>(1, "200"));
  refuse();
  expect_refused();
  EXPECT_EQ(service_.requests, 1);
}

TEST_P(Peers, ARequestUnderWayEndsWithTheReason) {
  std::vector<std::string> held;
  net::spawn(loop_, get_into("/held", held), "held", log_.log());
  ASSERT_TRUE(until([&] { return service_.at_once == 1; }));
  refuse();
  upstream_->reconsider();
  EXPECT_TRUE(until([&] { return !held.empty(); }));
  EXPECT_EQ(held, std::vector<std::string>(1, "gateway.upstream_untrusted"));
  expect_refused();
  service_.let_go = true;
  EXPECT_TRUE(until([&] { return service_.ended == 1; }));
}

TEST_P(Peers, OfAnUpstreamThatIsInNoConfigurationAnyMoreAreJudgedToo) {
  const auto states = std::make_shared<const UpstreamStates>(std::vector{settings_});
  Upstreams upstreams({loop_, pki_.clock(), registry_, log_.log()}, states, Dice(1));
  upstream_ = upstreams.find(settings_.name, {});
  std::vector<std::string> held;
  net::spawn(loop_, get_into("/held", held), "held", log_.log());
  ASSERT_TRUE(until([&] { return service_.at_once == 1; }));
  upstreams.use(std::make_shared<const UpstreamStates>(std::vector<UpstreamSettings>()));
  refuse();
  upstreams.reconsider();
  EXPECT_TRUE(until([&] { return !held.empty(); }));
  EXPECT_EQ(held, std::vector<std::string>(1, "gateway.upstream_untrusted"));
  service_.let_go = true;
  EXPECT_TRUE(until([&] { return service_.ended == 1; }));
}

INSTANTIATE_TEST_SUITE_P(
    Rows, Peers,
    ::testing::Values(PeerRow{"revoked_http1", UpstreamProtocol::http1, PeerRow::revoked, "revoked"},
                      PeerRow{"revoked_http2", UpstreamProtocol::http2, PeerRow::revoked, "revoked"},
                      PeerRow{"withdrawn_http1", UpstreamProtocol::http1, PeerRow::withdrawn, "issuer_withdrawn"},
                      PeerRow{"withdrawn_http2", UpstreamProtocol::http2, PeerRow::withdrawn, "issuer_withdrawn"},
                      PeerRow{"expired_http1", UpstreamProtocol::http1, PeerRow::expired, "expired"},
                      PeerRow{"expired_http2", UpstreamProtocol::http2, PeerRow::expired, "expired"}),
    [](const auto& row) { return row.param.name; });

// -- a call that nobody wants any more

class GivenUp : public H2TlsUpstreams, public ::testing::WithParamInterface<UpstreamProtocol> {
 protected:
  void SetUp() override { start(GetParam(), GetParam() == UpstreamProtocol::http2); }
  net::Task<void> carry_into(UpstreamCall& call, std::string path, std::vector<std::string>& outcomes) {
    outcomes.push_back(co_await carry(call, std::move(path)));
  }
  /// One that waits; given up, it ends as it should.
  void give_up(std::optional<UpstreamCall>& call, const std::vector<std::string>& outcomes) {
    const std::size_t before = outcomes.size();
    call->give_up();
    EXPECT_TRUE(until([&] { return outcomes.size() > before; }));
    EXPECT_EQ(outcomes.back(), "gateway.given_up");
    const std::size_t requests = upstream_->breaker().requests();
    call.reset();
    EXPECT_EQ(upstream_->breaker().requests(), requests - 1) << "its seat is free";
  }
  std::optional<UpstreamCall>& begin(std::optional<UpstreamCall>& call, std::string path) {
    call.emplace(upstream_, ClientAddresses{});
    net::spawn(loop_, carry_into(*call, std::move(path), outcomes_), "call", log_.log());
    return call;
  }
  std::vector<std::string> outcomes_;
};

TEST_P(GivenUp, TheConnectionThatIsOnItsWayIsTheNextOnes) {
  service_.lets_in = false;
  std::optional<UpstreamCall> first;
  begin(first, "/");
  ASSERT_TRUE(until([&] { return service_.accepted == 1; }));
  give_up(first, outcomes_);
  std::optional<UpstreamCall> second;
  begin(second, "/");
  testing::run(loop_, net::sleep_until(net::Deadline::after(milliseconds(20))));
  service_.lets_in = true;
  EXPECT_TRUE(until([&] { return outcomes_.size() == 2; }));
  EXPECT_EQ(outcomes_.back(), "200");
  EXPECT_EQ(service_.accepted, 1);
}

/// It would fail with it, long before its own time.
TEST_P(GivenUp, AConnectionThatHasLittleTimeLeftIsNotTheNextOnes) {
  settings_.times.connect = std::chrono::seconds(2);
  SetUp();
  service_.lets_in = false;
  std::optional<UpstreamCall> first;
  begin(first, "/");
  ASSERT_TRUE(until([&] { return service_.accepted == 1; }));
  give_up(first, outcomes_);
  testing::run(loop_, net::sleep_until(net::Deadline::after(milliseconds(1100))));
  std::optional<UpstreamCall> second;
  begin(second, "/");
  EXPECT_TRUE(until([&] { return service_.accepted == 2 || outcomes_.size() == 2; }));
  service_.lets_in = true;
  EXPECT_TRUE(until([&] { return outcomes_.size() == 2; }));
  EXPECT_EQ(outcomes_.back(), "200");
  EXPECT_EQ(service_.accepted, 2);
}

TEST_P(GivenUp, WhereNobodyWantsItItIsKept) {
  service_.lets_in = false;
  std::optional<UpstreamCall> first;
  begin(first, "/");
  ASSERT_TRUE(until([&] { return service_.accepted == 1; }));
  give_up(first, outcomes_);
  service_.lets_in = true;
  EXPECT_TRUE(until([&] { return service_.connections == 1 && state_->counts.connections == 1; }));
  EXPECT_EQ(run_gets(1), std::vector<std::string>(1, "200"));
  EXPECT_EQ(service_.accepted, 1);
}

TEST_P(GivenUp, WhereTheUpstreamIsInNoConfigurationAnyMoreItIsClosed) {
  service_.lets_in = false;
  std::optional<UpstreamCall> first;
  begin(first, "/");
  ASSERT_TRUE(until([&] { return service_.accepted == 1; }));
  give_up(first, outcomes_);
  upstream_->retire();
  service_.lets_in = true;
  EXPECT_TRUE(until([&] { return service_.ended == 1 && state_->counts.connections == 0; }));
}

/// The first one in the line goes; the room is the second one's.
TEST_P(GivenUp, APlaceInTheLineIsTheNextOnes) {
  settings_.limits.connections = 1;
  settings_.streams = 1;
  SetUp();
  std::optional<UpstreamCall> holder;
  begin(holder, "/held");
  ASSERT_TRUE(until([&] { return service_.at_once == 1; }));
  std::optional<UpstreamCall> first;
  std::optional<UpstreamCall> second;
  begin(first, "/");
  ASSERT_TRUE(until([&] { return upstream_->breaker().pending() == 1; }));
  begin(second, "/");
  ASSERT_TRUE(until([&] { return upstream_->breaker().pending() == 2; }));
  give_up(first, outcomes_);
  EXPECT_EQ(upstream_->breaker().pending(), 1U);
  service_.let_go = true;
  EXPECT_TRUE(until([&] { return outcomes_.size() == 3; }));
  EXPECT_EQ(outcomes_, (std::vector<std::string>{"gateway.given_up", "200", "200"}));
  EXPECT_EQ(service_.accepted, 1);
}

INSTANTIATE_TEST_SUITE_P(Rows, GivenUp, ::testing::Values(UpstreamProtocol::http1, UpstreamProtocol::http2),
                         [](const auto& row) { return row.param == UpstreamProtocol::http1 ? "http1" : "http2"; });

}  // namespace
}  // namespace countersign::gateway
