// Calls to the authority that nobody waits for any more, and links to an authority that is not believed any more.
#include "gateway/token/authority_calls.h"

#include <gtest/gtest.h>

#include "gateway/tls_service_test.h"
#include "testing/run.h"

namespace countersign::gateway {
namespace {

class CallsToTheAuthority : public ::testing::Test {
 protected:
  void SetUp() override {
    testing::Issued authority = pki_.internal_server("authority").with_addresses({"127.0.0.1"}).issue();
    fact_.emplace(authority.fact());
    registry_.apply(*fact_);
    const tls::Credential credential{std::move(authority.chain), std::move(authority.key)};
    authority_.use(tls::ServerContext::make(credential, {.mode = tls::ClientCertificate::optional}).value());
    authority_.held = oauth::kRelayPath;
    authority_.let_go = true;
    authority_.body = R"({"status":200,"fields":{},"body":"a token"})";
    link_.authority = authority_.at();
    link_.provider_trust = std::make_shared<const trust::TrustSet>(pki_.provider_trust());
    link_.registry = &registry_;
    testing::Issued own = pki_.service().issue();
    own_.publish(std::make_shared<const tls::Credential>(tls::Credential{std::move(own.chain), std::move(own.key)}));
    calls_.emplace(AuthorityCalls::Parts{loop_, link_, own_, pki_.clock(), log_.log()});
  }
  void TearDown() override { calls_->close(); }

  /// What came of a call: its body, or that it was given up.
  net::Task<std::string> ask(std::string whose, AuthorityCalls::Asker& asker) {
    oauth::RelayedCall call;
    call.method = "POST";
    call.path = "/oauth2/token";
    call.address = std::move(whose);
    const auto answer = co_await calls_->carry(std::move(call), asker);
    co_return answer ? answer->status == 200 ? answer->body : std::to_string(answer->status) : "given up";
  }
  net::Task<void> ask_into(std::string whose, AuthorityCalls::Asker& asker, std::vector<std::string>& outcomes) {
    outcomes.push_back(co_await ask(std::move(whose), asker));
  }
  std::string ask_once(const std::string& whose = "192.0.2.1") {
    AuthorityCalls::Asker asker(*calls_);
    return testing::run(loop_, ask(whose, asker));
  }
  bool until(const std::function<bool()>& is_so) {
    for (const net::Deadline deadline = net::Deadline::after(std::chrono::seconds(8)); !is_so() && !deadline.passed();)
      testing::run(loop_, net::sleep_until(net::Deadline::after(std::chrono::milliseconds(5))));
    return is_so();
  }

  testing::KeptLog log_;
  testing::Pki pki_;
  trust::RegistryView registry_;
  net::Loop loop_;
  TlsService authority_{loop_, log_.log(), pki_};
  feed::AuthorityLink::Options link_ = {};
  base::Published<tls::Credential> own_;
  std::optional<trust::CertificateFact> fact_;
  std::optional<AuthorityCalls> calls_;
};

TEST_F(CallsToTheAuthority, ShareALinkThatIsKept) {
  EXPECT_EQ(ask_once(), "a token");
  EXPECT_EQ(ask_once(), "a token");
  EXPECT_EQ(authority_.accepted, 1);
}

/// As many as one may have at once: their places are free, and the answers that still come are nobody's.
TEST_F(CallsToTheAuthority, ThatAreGivenUpEndAtOnceAndCloseTheirLinks) {
  authority_.let_go = false;
  std::vector<std::unique_ptr<AuthorityCalls::Asker>> askers;
  std::vector<std::string> outcomes;
  for (std::size_t i = 0; i < kTokenCallsOfOne; ++i) {
    askers.push_back(std::make_unique<AuthorityCalls::Asker>(*calls_));
    net::spawn(loop_, ask_into("192.0.2.1", *askers.back(), outcomes), "call", log_.log());
  }
  ASSERT_TRUE(until([&] { return authority_.requests == static_cast<int>(kTokenCallsOfOne); }));
  EXPECT_EQ(ask_once(), "503") << "too many of one";
  for (const auto& asker : askers)
    asker->give_up();
  EXPECT_TRUE(until([&] { return outcomes.size() == kTokenCallsOfOne; }));
  EXPECT_EQ(outcomes, std::vector<std::string>(kTokenCallsOfOne, "given up"));
  authority_.let_go = true;
  EXPECT_EQ(ask_once(), "a token");
  EXPECT_EQ(authority_.accepted, static_cast<int>(kTokenCallsOfOne) + 1) << "on a link of its own";
  EXPECT_TRUE(until([&] { return authority_.ended == static_cast<int>(kTokenCallsOfOne); }));
}

TEST_F(CallsToTheAuthority, OfWhoIsGoneAlreadyAreNotSent) {
  EXPECT_EQ(ask_once(), "a token");
  AuthorityCalls::Asker gone(*calls_);
  gone.give_up();
  EXPECT_EQ(testing::run(loop_, ask("192.0.2.1", gone)), "given up");
  EXPECT_EQ(authority_.requests, 1);
  EXPECT_EQ(ask_once(), "a token");
  EXPECT_EQ(authority_.accepted, 1) << "the link is still there";
}

TEST_F(CallsToTheAuthority, ALinkThatWasOnItsWayToNobodyIsTheNextOnes) {
  authority_.lets_in = false;
  AuthorityCalls::Asker first(*calls_);
  std::vector<std::string> outcomes;
  net::spawn(loop_, ask_into("192.0.2.1", first, outcomes), "call", log_.log());
  ASSERT_TRUE(until([&] { return authority_.accepted == 1; }));
  first.give_up();
  EXPECT_TRUE(until([&] { return outcomes == std::vector<std::string>{"given up"}; }));
  AuthorityCalls::Asker second(*calls_);
  net::spawn(loop_, ask_into("192.0.2.2", second, outcomes), "call", log_.log());
  testing::run(loop_, net::sleep_until(net::Deadline::after(std::chrono::milliseconds(20))));
  authority_.lets_in = true;
  EXPECT_TRUE(until([&] { return outcomes.size() == 2; }));
  EXPECT_EQ(outcomes.back(), "a token");
  EXPECT_EQ(authority_.accepted, 1);
}

TEST_F(CallsToTheAuthority, ALinkThatCameAboutForNobodyIsKept) {
  authority_.lets_in = false;
  AuthorityCalls::Asker first(*calls_);
  std::vector<std::string> outcomes;
  net::spawn(loop_, ask_into("192.0.2.1", first, outcomes), "call", log_.log());
  ASSERT_TRUE(until([&] { return authority_.accepted == 1; }));
  first.give_up();
  authority_.lets_in = true;
  EXPECT_TRUE(until([&] { return authority_.connections == 1 && outcomes.size() == 1; }));
  EXPECT_EQ(ask_once(), "a token");
  EXPECT_EQ(authority_.accepted, 1);
}

TEST_F(CallsToTheAuthority, AKeptLinkToOneThatWasRevokedIsNotUsed) {
  EXPECT_EQ(ask_once(), "a token");
  fact_->revoked_for = "key_compromise";
  registry_.apply(*fact_);
  EXPECT_EQ(ask_once(), "503");
  EXPECT_EQ(authority_.requests, 1);
}

}  // namespace
}  // namespace countersign::gateway
