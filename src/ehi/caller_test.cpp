// The provider calls a partner's real server over mutual TLS, and what comes of it.
#include "ehi/caller.h"

#include <functional>

#include <gtest/gtest.h>

#include "ehi/partner_test.h"
#include "http/server.h"

namespace countersign::ehi {
namespace {

using testing::Issued;
using testing::Pki;

class NoSink final : public base::LogSink {
  void write(std::string_view) override {}
};

/// What the partner does with a request.
enum class Manner { answers, answers_500, never_answers, speaks_garbage };

class Partner final : public PartnerServer {
 public:
  struct Options {
    Issued certificate;
    Manner manner = Manner::answers;
    bool knows_provider = true;
  };
  Partner(net::Loop& loop, const Pki& pki, Options options, const base::Log& log)
      : PartnerServer(
            loop, pki,
            {.certificate = std::move(options.certificate), .http2 = false, .knows_provider = options.knows_provider},
            log),
        manner_(options.manner) {}
  int requests = 0;
  std::vector<crypto::Digest256> callers;  ///< whose requests were read, by certificate

 private:
  net::Task<void> serve(tls::Connection<tls::VerifiedPeer>& connection) override {
    const net::Deadline deadline = net::Deadline::after(std::chrono::seconds(20));
    if (manner_ == Manner::speaks_garbage) {
      constexpr std::string_view kGarbage = "SSH-2.0-partner\r\n\r\n";
      (void)co_await connection.stream->write_all(base::as_bytes(kGarbage), deadline);
      co_await connection.stream->finish(deadline);
      co_return;
    }
    const crypto::Digest256 who = connection.peer.admitted().chain().leaf().fingerprint();
    const http::Handler handler = [this, who](http::Request request) {
      callers.push_back(who);
      return answer(std::move(request));
    };
    const http::ServerOptions options;
    co_await http::serve(*connection.stream, handler, options);
  }
  net::Task<http::Response> answer(http::Request request) {
    ++requests;
    if (manner_ == Manner::never_answers) co_await net::sleep_until(net::Deadline::after(std::chrono::seconds(20)));
    http::Response response;
    response.status = manner_ == Manner::answers_500 ? 500 : 200;
    response.body = request.head.target + " " + request.body;
    co_return response;
  }

  Manner manner_;
};

/// One provider, one partner, one loop.
struct Scene {
  Pki pki;
  NoSink sink;
  base::Log log{{.program = "test"}, pki.clock(), sink};
  net::Loop loop;
  std::optional<Partner> partner;
  EhiConfig config;
  std::unique_ptr<Caller> caller;
  std::vector<std::string> outcomes;  ///< "STATUS BODY", or the code and reason of the failure

  /// `deadline` is generous where the test is not about it.
  void set_up(Partner::Options options, std::string host = "localhost",
              base::Duration deadline = std::chrono::seconds(20)) {
    Issued own = pki.ehi().issue();
    partner.emplace(loop, pki, std::move(options), log);
    auto anchors = std::make_shared<const trust::TrustSet>(pki.web_trust());
    config.endpoints.push_back(
        {*base::Slug::parse("acme"), base::Environment::production,
         *http::Url::parse("https://" + host + ":" + std::to_string(partner->port()) + "/decide"), deadline, anchors});
    caller = std::make_unique<Caller>(loop, config, pki.clock(), log);
    use(std::move(own));
  }
  void use(Issued own) {
    const tls::Credential credential{std::move(own.chain), std::move(own.key)};
    ASSERT_TRUE(caller->use_credential(base::Environment::production, credential));
  }
  void run(std::vector<std::function<void()>> before_each_call) {
    net::spawn(loop, call_each(std::move(before_each_call)), "caller", log);
    loop.run();
  }
  /// Call after call.
  void run_until(std::function<bool()> is_over) {
    net::spawn(loop, call_until(std::move(is_over)), "caller", log);
    loop.run();
  }
  net::Task<void> call_until(std::function<bool()> is_over) {
    const net::Deadline most = net::Deadline::after(std::chrono::seconds(20));
    while (!is_over() && !most.passed()) {
      http::Request request;
      request.body = "{}";
      auto answered = co_await caller->call(config.endpoints.front(), std::move(request));
      outcomes.push_back(describe(answered));
    }
    EXPECT_FALSE(most.passed());
    loop.stop();
  }
  /// While the first call's connection comes about.
  net::Task<void> use_later(Issued own) {
    use(std::move(own));
    co_return;
  }
  net::Task<void> call_each(std::vector<std::function<void()>> before_each_call) {
    for (const auto& before : before_each_call) {
      before();
      http::Request request;
      request.body = "{}";
      auto answered = co_await caller->call(config.endpoints.front(), std::move(request));
      outcomes.push_back(describe(answered));
    }
    loop.stop();
  }
  static std::string describe(const base::Result<http::Response, CallFailure>& answered) {
    if (answered) return std::to_string(answered->status) + " " + answered->body;
    const auto& refusal = answered.error().refusal;
    if (refusal) {  // who runs that server is told what to do, which is not what an application of ours would
      const std::string remedy(trust::explanation(refusal->reason).remedy(trust::Party::server));
      EXPECT_TRUE(answered.error().error.detail.ends_with(remedy)) << answered.error().error.detail;
    }
    return answered.error().error.code + (refusal ? " " + std::string(trust::name(refusal->reason)) : "");
  }
};

const auto kNothing = [] {};

struct Row {
  std::string name;
  std::function<Partner::Options(Pki&)> partner;
  std::string outcome;
};
class Call : public ::testing::TestWithParam<Row> {};

TEST_P(Call, EndsAsExpected) {
  Scene scene;
  scene.set_up(GetParam().partner(scene.pki));
  scene.run({kNothing});
  ASSERT_EQ(scene.outcomes.size(), 1U);
  EXPECT_EQ(scene.outcomes.front(), GetParam().outcome);
  const bool got_through = GetParam().outcome.starts_with("200") || GetParam().outcome.starts_with("500");
  EXPECT_EQ(scene.partner->requests, got_through ? 1 : 0) << "no byte of a request without a verified server";
}

INSTANTIATE_TEST_SUITE_P(
    Rows, Call,
    ::testing::Values(
        Row{"good", [](Pki& p) { return Partner::Options{p.server().issue()}; }, "200 /decide {}"},
        Row{"partner_says_500",
            [](Pki& p) {
              return Partner::Options{p.server().issue(), Manner::answers_500};
            },
            "500 /decide {}"},
        Row{"server_expired", [](Pki& p) { return Partner::Options{p.server().expired().issue()}; },
            "ehi.refused expired"},
        Row{"server_for_another_name", [](Pki& p) { return Partner::Options{p.server("other.example").issue()}; },
            "ehi.refused wrong_name"},
        Row{"server_self_signed", [](Pki& p) { return Partner::Options{p.server().self_signed().issue()}; },
            "ehi.refused self_signed"},
        Row{"server_of_unknown_ca", [](Pki& p) { return Partner::Options{p.internal_server().issue()}; },
            "ehi.refused unknown_issuer"},
        Row{"server_of_look_alike_ca", [](Pki& p) { return Partner::Options{p.server().other_ca().issue()}; },
            "ehi.refused unknown_issuer"},
        Row{"intermediate_not_sent", [](Pki& p) { return Partner::Options{p.server().without_issuers().issue()}; },
            "ehi.refused missing_intermediate"},
        Row{"partner_does_not_know_us",
            [](Pki& p) {
              return Partner::Options{p.server().issue(), Manner::answers, false};
            },
            "ehi.refused_by_partner"},
        Row{"partner_speaks_garbage",
            [](Pki& p) {
              return Partner::Options{p.server().issue(), Manner::speaks_garbage};
            },
            "ehi.bad_answer"}),
    [](const auto& row) { return row.param.name; });

TEST(CallDeadline, ASilentPartnerIsATimeout) {
  Scene scene;
  scene.set_up({scene.pki.server().issue(), Manner::never_answers}, "localhost", std::chrono::milliseconds(300));
  scene.run({kNothing});
  EXPECT_EQ(scene.outcomes, std::vector<std::string>{"ehi.timeout"});
}

TEST(CallPool, KeepsAConnectionWarm) {
  Scene scene;
  scene.set_up({scene.pki.server().issue()});
  scene.run({kNothing, kNothing, kNothing});
  EXPECT_EQ(scene.partner->connections, 1);
  EXPECT_EQ(scene.partner->requests, 3);
}

TEST(CallPool, ARenewedCertificateOpensANewConnection) {
  Scene scene;
  Issued renewed = scene.pki.ehi().issue();
  scene.set_up({scene.pki.server().issue()});
  scene.run({kNothing, [&] { scene.use(std::move(renewed)); }, kNothing});
  EXPECT_EQ(scene.partner->connections, 2);
  EXPECT_EQ(scene.outcomes, std::vector<std::string>(3, "200 /decide {}"));
}

TEST(CallPool, WhatWasMadeWithAnEarlierCertificateIsClosedWithoutACall) {
  Scene scene;
  Issued renewed = scene.pki.ehi().issue();
  scene.set_up({scene.pki.server().issue()});
  scene.run({kNothing});
  scene.caller->close_idle();
  EXPECT_EQ(scene.caller->warm(), 1U);
  scene.use(std::move(renewed));
  scene.caller->close_idle();
  EXPECT_EQ(scene.caller->warm(), 0U);
}

TEST(CallPool, AnExpiredServerIsNotCalledOnAWarmConnection) {
  Scene scene;
  const base::Instant now = scene.pki.now();
  scene.set_up({scene.pki.server().valid(now - std::chrono::hours(1), now + std::chrono::hours(1)).issue()});
  scene.run({kNothing, [&] { scene.pki.clock().advance(std::chrono::hours(2)); }});
  EXPECT_EQ(scene.outcomes.front(), "200 /decide {}");
  EXPECT_EQ(scene.outcomes.back(), "ehi.refused expired");
}

TEST(CallPool, AnOldConnectionIsReplacedBesideTheCalls) {
  Scene scene;
  scene.config.connection_age = std::chrono::milliseconds(50);
  scene.set_up({scene.pki.server().issue()});
  scene.run_until([&] { return scene.partner->connections == 3; });
  EXPECT_EQ(scene.outcomes, std::vector<std::string>(scene.outcomes.size(), "200 /decide {}"));
  scene.caller->close_idle();
  EXPECT_LE(scene.caller->warm(), 3U);
}

TEST(CallPool, AServerThatIsGoodNoMoreIsRefusedWhenItsConnectionIsOld) {
  Scene scene;
  scene.config.connection_age = std::chrono::milliseconds(50);
  scene.set_up({scene.pki.server().issue()});
  const auto is_refused = [&] {
    // As if the anchors had been changed: who is on a warm connection is not asked before that is old.
    if (!scene.outcomes.empty()) scene.config.endpoints.front().pins = {crypto::Digest256{}};
    return !scene.outcomes.empty() && scene.outcomes.back() == "ehi.pin_mismatch";
  };
  scene.run_until(is_refused);
  EXPECT_EQ(scene.outcomes.front(), "200 /decide {}");
}

TEST(CallCredential, OneThatIsTakenBackIsUsedNoMore) {
  Scene scene;
  Issued other = scene.pki.ehi().issue();
  scene.set_up({scene.pki.server().issue()});
  scene.run({kNothing,
             [&] { scene.caller->stop_using_credential(base::Environment::production, "revoked: key compromise"); },
             kNothing, [&] { scene.use(std::move(other)); }});
  EXPECT_EQ(scene.outcomes,
            (std::vector<std::string>{"200 /decide {}", "ehi.no_certificate", "ehi.no_certificate", "200 /decide {}"}));
  EXPECT_EQ(scene.partner->requests, 2);
}

TEST(CallCredential, OneThatIsReplacedWhileAConnectionComesAboutCarriesNoCall) {
  Scene scene;
  Issued other = scene.pki.ehi().issue();
  const crypto::Digest256 newest = other.certificate.fingerprint();
  scene.set_up({scene.pki.server().issue()});
  net::spawn(scene.loop, scene.call_each({kNothing}), "caller", scene.log);
  net::spawn(scene.loop, scene.use_later(std::move(other)), "renewal", scene.log);
  scene.loop.run();
  EXPECT_EQ(scene.outcomes, std::vector<std::string>{"200 /decide {}"});
  EXPECT_EQ(scene.partner->callers, std::vector<crypto::Digest256>{newest}) << "it was called with the first one";
}

TEST(CallCredential, OneThatHasEndedIsUsedNoMore) {
  Scene scene;
  const base::Instant now = scene.pki.now();
  Issued own = scene.pki.ehi().valid(now - std::chrono::hours(1), now + std::chrono::minutes(1)).issue();
  scene.set_up({scene.pki.server().issue()});
  scene.use(std::move(own));
  const auto advance = [&] { scene.pki.clock().advance(std::chrono::minutes(2)); };
  scene.run({kNothing, advance});
  EXPECT_EQ(scene.outcomes, (std::vector<std::string>{"200 /decide {}", "ehi.no_certificate"}));
}

TEST(CallCredential, WithoutOneNothingIsCalled) {
  Scene scene;
  scene.set_up({scene.pki.server().issue()});
  scene.caller = std::make_unique<Caller>(scene.loop, scene.config, scene.pki.clock(), scene.log);
  scene.run({kNothing});
  EXPECT_EQ(scene.outcomes, std::vector<std::string>{"ehi.no_certificate"});
}

}  // namespace
}  // namespace countersign::ehi
