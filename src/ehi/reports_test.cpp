// What a channel has the authority told of its sites.
#include <functional>

#include <gtest/gtest.h>

#include "ehi/channel.h"
#include "ehi/partner_test.h"
#include "http/server.h"
#include "testing/run.h"

namespace countersign::ehi {
namespace {

using testing::Issued;
using testing::Pki;

class Partner final : public PartnerServer {
 public:
  Partner(net::Loop& loop, const Pki& pki, Issued certificate, const base::Log& log)
      : PartnerServer(loop, pki, {.certificate = std::move(certificate)}, log) {}
  int status = 200;
  bool is_silent = false;

 private:
  net::Task<void> serve(tls::Connection<tls::VerifiedPeer>& connection) override {
    const http::Handler handler = [this](http::Request request) { return answer(std::move(request)); };
    const http::ServerOptions options;
    co_await http::serve(*connection.stream, handler, options);
  }
  net::Task<http::Response> answer(http::Request) {
    if (is_silent) co_await net::sleep_until(net::Deadline::after(std::chrono::seconds(20)));
    http::Response response;
    response.status = status;
    co_return response;
  }
};

struct Options {
  bool expired = false;
  bool is_told = true;
  base::Duration probed_after = std::chrono::hours(1);
};

class ReportsTest : public ::testing::Test {
 protected:
  void set_up(const Options& options) {
    Issued own = pki.ehi().issue();
    auto request = pki.server();
    if (options.expired) request.expired();
    partner.emplace(loop, pki, request.issue(), log.log());
    endpoint.emplace(Endpoint{*base::Slug::parse("acme-cards"), base::Environment::production, partner->url(),
                              std::chrono::seconds(20), std::make_shared<const trust::TrustSet>(pki.web_trust())});
    endpoint->circuit.failures = 2;
    endpoint->circuit.pause = options.probed_after;
    endpoint->fallback.mode = Mode::decline;
    if (options.is_told) endpoint->organisation = base::Slug::parse("acme").value();
    caller.emplace(loop, config, pki.clock(), log.log());
    credential.emplace(tls::Credential{std::move(own.chain), std::move(own.key)});
    ASSERT_TRUE(caller->use_credential(base::Environment::production, *credential));
    channel.emplace(loop, *caller, *endpoint, Channel::Options{"decisions", &endpoint->url, nullptr, 10}, log.log());
    channel->report_to(reports, pki.clock());
  }
  net::Task<void> ask(base::Duration time) {
    const net::Deadline deadline = net::Deadline::after(time);
    const Channel::Times times{deadline, deadline};
    auto progress = std::make_shared<Channel::Progress>();
    http::Request request;
    (void)co_await channel->ask(std::move(request), times, std::move(progress));
    loop.stop();
  }
  void call(base::Duration time = std::chrono::seconds(20)) {
    net::spawn(loop, ask(time), "test", log.log());
    loop.run();
    pki.clock().advance(feed::EndpointReports::kPause);
  }
  net::Task<void> wait_for(std::function<bool()> condition) {
    const net::Deadline most = net::Deadline::after(std::chrono::seconds(20));
    while (!condition() && !most.passed()) {
      const net::Deadline look = net::Deadline::after(std::chrono::milliseconds(5));
      co_await net::sleep_until(look);
    }
    EXPECT_TRUE(condition());
    loop.stop();
  }
  void run_until(std::function<bool()> condition) {
    net::spawn(loop, wait_for(std::move(condition)), "test", log.log());
    loop.run();
    pki.clock().advance(feed::EndpointReports::kPause);
  }
  /// "state code reason calls", of what is to be told now.
  std::string told() {
    std::string text;
    for (const feed::EndpointReport& one : reports.take(pki.now()))
      text += std::string(feed::name(one.state)) + " " + one.code + " " +
              std::string(one.reason ? trust::name(*one.reason) : "") + " " + one.organisation.text() + " " + one.calls;
    return text;
  }

  Pki pki;
  testing::KeptLog log;
  net::Loop loop;
  EhiConfig config;
  feed::EndpointReports reports;
  std::optional<Endpoint> endpoint;
  std::optional<tls::Credential> credential;
  std::optional<Partner> partner;
  std::optional<Caller> caller;
  std::optional<Channel> channel;
};

TEST_F(ReportsTest, ASiteThatAnswersIsUp) {
  set_up({});
  EXPECT_EQ(told(), "");
  call();
  EXPECT_EQ(told(), "up   acme decisions");
  call();
  EXPECT_EQ(told(), "");
}

TEST_F(ReportsTest, NothingIsToldWhereTheOrganisationIsNotNamed) {
  set_up({.is_told = false});
  call();
  EXPECT_EQ(told(), "");
}

TEST_F(ReportsTest, AServerThatIsRefusedIsToldOfAtOnce) {
  set_up({.expired = true});
  call();
  EXPECT_EQ(told(), "refused ehi.refused expired acme decisions");
}

TEST_F(ReportsTest, ARedirectIsRefusedAndItsEndIsTold) {
  set_up({});
  partner->status = 302;
  call();
  EXPECT_EQ(told(), "refused ehi.redirected  acme decisions");
  partner->status = 500;
  call();
  EXPECT_EQ(told(), "up ehi.redirected  acme decisions") << "it answers; whether that counts is another matter";
}

TEST_F(ReportsTest, OneThatDoesNotAnswerIsToldOfWhenItsCircuitOpens) {
  set_up({});
  partner->is_silent = true;
  call(std::chrono::milliseconds(50));
  EXPECT_EQ(told(), "");
  call(std::chrono::milliseconds(50));
  EXPECT_EQ(told(), "unreachable ehi.timeout  acme decisions");
}

TEST_F(ReportsTest, AHandshakeOfOneThatDoesNotAnswerIsNotItsEnd) {
  set_up({.probed_after = std::chrono::milliseconds(100)});
  channel->start();
  partner->is_silent = true;
  call(std::chrono::milliseconds(50));
  call(std::chrono::milliseconds(50));
  run_until([&] { return channel->usable(); });
  EXPECT_EQ(told(), "unreachable ehi.timeout  acme decisions") << "a probe says nothing of answers";
  partner->is_silent = false;
  call();
  EXPECT_EQ(told(), "up ehi.timeout  acme decisions");
}

TEST_F(ReportsTest, AServerThatWasMendedIsSeenWithoutACall) {
  set_up({});
  endpoint->circuit.longest_pause = std::chrono::milliseconds(10);
  endpoint->pins = {crypto::Digest256{}};
  call();
  EXPECT_EQ(told(), "refused ehi.pin_mismatch  acme decisions");
  EXPECT_TRUE(channel->usable()) << "one refusal opens no circuit, so nothing else probes it";
  endpoint->pins.clear();
  channel->start();
  run_until([&] { return caller->warm() == 1; });
  EXPECT_EQ(told(), "up ehi.pin_mismatch  acme decisions");
}

TEST_F(ReportsTest, OurOwnFaultIsNotThePartners) {
  set_up({});
  caller->stop_using_credential(base::Environment::production, "revoked: keyCompromise");
  EXPECT_FALSE(channel->may_call());
  for (int i = 0; i < 5; ++i)
    call();
  EXPECT_EQ(told(), "");
  EXPECT_TRUE(channel->usable()) << "nor does its circuit open";
}

}  // namespace
}  // namespace countersign::ehi
