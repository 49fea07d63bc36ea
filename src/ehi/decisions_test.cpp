// The sender's promises about one endpoint, against partners' servers of every kind over real mutual TLS: what comes
// back, within which time, and what is in the outbox then.
#include "ehi/decisions.h"

#include <deque>
#include <functional>
#include <future>

#include <gtest/gtest.h>

#include "ehi/partner_test.h"
#include "http/server.h"
#include "testing/folder.h"

namespace countersign::ehi {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::Issued;
using testing::Pki;

class KeptSink final : public base::LogSink {
 public:
  void write(std::string_view line) override { lines += line; }
  std::string lines;
};

constexpr base::Duration kImpatient = milliseconds(400);

/// What the partner does with a request: nothing else is left when they are used up.
struct Manner {
  int status = 200;
  std::string body = R"({"code":"00","approved":true})";
  base::Duration wait{};
};

/// A partner's server that does as it is told, and remembers.
class Partner final : public PartnerServer {
 public:
  Partner(net::Loop& loop, const Pki& pki, Issued certificate, const base::Log& log)
      : PartnerServer(loop, pki, {.certificate = std::move(certificate)}, log) {}

  std::deque<Manner> manners;  ///< used up one a request, the last one stays
  std::vector<http::Request> requests;

 private:
  net::Task<void> serve(tls::Connection<tls::VerifiedPeer>& connection) override {
    const http::Handler handler = [this](http::Request request) { return answer(std::move(request)); };
    const http::ServerOptions options;
    co_await http::serve(*connection.stream, handler, options);
  }
  net::Task<http::Response> answer(http::Request request) {
    requests.push_back(std::move(request));
    Manner manner = manners.empty() ? Manner() : manners.front();
    if (manners.size() > 1) manners.pop_front();
    if (manner.wait > base::Duration::zero()) {
      const net::Deadline until = net::Deadline::after(manner.wait);
      co_await net::sleep_until(until);
    }
    http::Response response;
    response.status = manner.status;
    response.fields.add("Content-Type", "application/json");
    response.body = manner.body;
    co_return response;
  }
};

/// One provider, two sites of a partner, one loop.
class DecisionsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Issued own = pki_.ehi().issue();
    partner_.emplace(loop_, pki_, pki_.server().issue(), log_);
    other_site_.emplace(loop_, pki_, pki_.server().issue(), log_);
    auto anchors = std::make_shared<const trust::TrustSet>(pki_.web_trust());
    config_.endpoints.push_back(
        {*base::Slug::parse("acme"), base::Environment::production, partner_->url(), seconds(20), anchors});
    Endpoint& endpoint = config_.endpoints.front();
    endpoint.fallback.mode = Mode::stand_in;
    endpoint.fallback.rules.push_back({.name = "small",
                                       .when = {*Condition::parse("/amount <= 50.00")},
                                       .outcome = "approve",
                                       .reply = {.body = "small enough"}});
    endpoint.acknowledgement.conditions.push_back(*Condition::parse("/code = 00"));
    endpoint.circuit.failures = 3;
    endpoint.advice.pace.pause = milliseconds(1);
    caller_.emplace(loop_, config_, pki_.clock(), log_);
    const tls::Credential credential{std::move(own.chain), std::move(own.key)};
    ASSERT_TRUE(caller_->use_credential(base::Environment::production, credential));
    auto desk = OutboxDesk::open(loop_, {.file = folder_ / "outbox.db", .messages = messages_}, clock_, log_);
    ASSERT_TRUE(desk) << base::to_string(desk.error());
    desk_ = std::move(*desk);
    decisions_.emplace(loop_, *desk_, random_, clock_, log_);
  }
  Endpoint& endpoint() { return config_.endpoints.front(); }
  /// For tests that wait for the deadline; the others have time.
  void be_impatient() { endpoint().deadline = kImpatient; }
  Lane& lane() {
    if (!lane_) lane_.emplace(loop_, *caller_, *desk_, endpoint(), clock_, log_);
    return *lane_;
  }

  static http::Request request(std::string body, std::string key = "k1") {
    http::Request made;
    made.head.method = "POST";
    if (!key.empty()) made.head.fields.add("Idempotency-Key", std::move(key));
    made.head.fields.add("Content-Type", "application/json");
    made.head.fields.add("X-Secret", "stays inside");
    made.body = std::move(body);
    return made;
  }
  net::Task<void> keep(net::Task<http::Response> task) {
    const auto begun = std::chrono::steady_clock::now();
    response_ = co_await std::move(task);
    took_ = std::chrono::steady_clock::now() - begun;
    loop_.stop();
  }
  net::Task<void> keep_answer(net::Task<Answer> task, std::optional<Answer>& into) {
    into.emplace(co_await std::move(task));
    loop_.stop();
  }
  http::Response run(net::Task<http::Response> task) {
    net::spawn(loop_, keep(std::move(task)), "test", log_);
    loop_.run();
    return response_;
  }
  /// "DECIDED_BY [OUTCOME] [REASON] BODY"
  std::string decide(std::string body = R"({"amount":"12.50"})", std::string key = "k1") {
    run(decisions_->decide(lane(), "core", request(std::move(body), std::move(key))));
    std::string said = std::to_string(response_.status);
    for (const char* field : {"X-Countersign-Decided-By", "X-Countersign-Outcome", "X-Countersign-Reason"})
      if (const auto value = response_.fields.find(field)) said += " " + std::string(*value);
    return said + " " + response_.body;
  }
  net::Task<void> keep_list() {
    std::function<base::Result<std::vector<outbox::Message>>(outbox::Outbox&)> work =
        [](outbox::Outbox& outbox) -> base::Result<std::vector<outbox::Message>> {
      std::vector<outbox::Message> all;
      BASE_TRY(const auto listed, outbox.list({}));
      for (const outbox::Message& message : listed) {
        BASE_TRY(auto found, outbox.find(message.id));
        all.push_back(*found);
      }
      return all;
    };
    kept_ = *(co_await desk_->ask(std::move(work)));
    loop_.stop();
  }
  std::vector<outbox::Message> in_outbox() {
    net::spawn(loop_, keep_list(), "test", log_);
    loop_.run();
    return kept_;
  }
  net::Task<void> keep_put(outbox::Draft draft) {
    const net::Deadline deadline = net::Deadline::after(seconds(20));
    EXPECT_TRUE(co_await desk_->put(std::move(draft), deadline));
    loop_.stop();
  }
  void put_cutoff() {
    net::spawn(loop_, keep_put({.endpoint = "acme", .key = "c1", .kind = "cutoff", .keep = std::chrono::hours(1)}),
               "test", log_);
    loop_.run();
  }
  net::Task<void> hold_outbox(std::future<void>& until) {
    std::function<base::Result<int>(outbox::Outbox&)> work = [&until](outbox::Outbox&) -> base::Result<int> {
      until.wait();
      return 0;
    };
    (void)co_await desk_->ask(std::move(work));
  }
  net::Task<void> wait_for(std::function<bool()> condition) {
    const net::Deadline most = net::Deadline::after(seconds(20));
    while (!condition() && !most.passed()) {
      const net::Deadline look = net::Deadline::after(milliseconds(5));
      co_await net::sleep_until(look);
    }
    EXPECT_TRUE(condition());
    loop_.stop();
  }
  void run_until(std::function<bool()> condition) {
    net::spawn(loop_, wait_for(std::move(condition)), "test", log_);
    loop_.run();
  }

  std::int64_t messages_ = 1000;
  Pki pki_;
  base::SystemClock clock_;
  KeptSink sink_;
  base::Log log_{{.program = "test"}, clock_, sink_};
  testing::SeededRandom random_{6};
  testing::Folder folder_;
  net::Loop loop_;
  EhiConfig config_;
  std::optional<Partner> partner_;
  std::optional<Partner> other_site_;
  std::optional<Caller> caller_;
  std::unique_ptr<OutboxDesk> desk_;
  std::optional<Decisions> decisions_;
  std::optional<Lane> lane_;
  http::Response response_;
  std::chrono::steady_clock::duration took_{};
  std::vector<outbox::Message> kept_;
};

TEST_F(DecisionsTest, AnAnswerInTimeComesBackAsItCame) {
  partner_->manners = {Manner{.status = 201}};
  EXPECT_EQ(decide(), R"(201 partner {"code":"00","approved":true})");
  EXPECT_TRUE(in_outbox().empty());
  const http::Fields& fields = partner_->requests.at(0).head.fields;
  EXPECT_EQ(fields.find("Idempotency-Key"), "k1");
  EXPECT_EQ(fields.find("X-Countersign-Attempt"), "1");
  EXPECT_EQ(fields.find("X-Secret"), std::nullopt);
}

TEST_F(DecisionsTest, NoneInTimeIsDecidedByTheModeAndToldToThePartner) {
  be_impatient();
  partner_->manners = {Manner{.wait = seconds(1)}, {}};
  EXPECT_EQ(decide(), "200 stand_in approve ehi.timeout small enough");
  EXPECT_LT(took_, milliseconds(900)) << "not when the partner does";
  const auto kept = in_outbox();
  ASSERT_EQ(kept.size(), 1U) << "before the answer";
  EXPECT_EQ(kept[0].content.key, "k1");
  EXPECT_EQ(kept[0].content.kind, "outcome");
  EXPECT_EQ(kept[0].content.body, R"({"amount":"12.50"})");
  EXPECT_EQ(kept[0].attempts, 1);
  lane().delivery.start();
  run_until([&] { return lane().delivery.counts().delivered == 1; });
  const http::Request& advice = partner_->requests.at(1);
  EXPECT_EQ(advice.head.fields.find("X-Countersign-Attempt"), "2");
  EXPECT_EQ(advice.head.fields.find("Idempotency-Key"), "k1");
  EXPECT_EQ(advice.head.fields.find("X-Countersign-Outcome"), "approve");
  EXPECT_EQ(advice.head.fields.find("X-Countersign-Rule"), "small");
  EXPECT_EQ(advice.body, R"({"amount":"12.50"})");
  EXPECT_EQ(in_outbox().at(0).state, outbox::State::delivered);
}

TEST_F(DecisionsTest, ALateAnswerIsRecordedAndNotDelivered) {
  be_impatient();
  partner_->manners = {Manner{.wait = milliseconds(600)}};
  EXPECT_EQ(decide(), "200 stand_in approve ehi.timeout small enough");
  EXPECT_EQ(lane().counts.late, 0U);
  run_until([&] { return lane().counts.late == 1; });
  EXPECT_NE(sink_.lines.find("ehi.late_answer"), std::string::npos);
  EXPECT_EQ(in_outbox().size(), 1U);
}

TEST_F(DecisionsTest, WhatDoesNotCountIsNoAnswer) {
  partner_->manners = {Manner{.body = R"({"code":"05"})"}, {.body = R"({"code":)"}, {.status = 302}, {.status = 500}};
  EXPECT_EQ(decide(R"({"amount":1})", "a"), "200 stand_in approve ehi.unacknowledged small enough");
  EXPECT_EQ(decide(R"({"amount":1})", "b"), "200 stand_in approve ehi.unacknowledged small enough");
  EXPECT_EQ(decide(R"({"amount":1})", "c"), "200 stand_in approve ehi.redirected small enough");
  EXPECT_EQ(decide(R"({"amount":99})", "d"),
            R"(200 decline decline ehi.unacknowledged {"decided_by":"decline","outcome":"decline"})");
  EXPECT_EQ(in_outbox().size(), 4U);
}

TEST_F(DecisionsTest, AdviceOnlyDecidesNothingAndTellsThePartner) {
  endpoint().fallback = {.mode = Mode::advice_only};
  partner_->manners = {Manner{.status = 500}};
  EXPECT_EQ(decide(),
            R"(200 advice_only undecided ehi.unacknowledged {"decided_by":"advice_only","outcome":"undecided"})");
  EXPECT_EQ(in_outbox().size(), 1U);
}

TEST_F(DecisionsTest, APlainEndpointTellsTheFailureAndKeepsNothing) {
  endpoint().fallback = {};
  partner_->manners = {Manner{.status = 500, .body = "as it came"}};
  EXPECT_EQ(decide(), "500 as it came");
  EXPECT_EQ(partner_->requests.at(0).head.fields.find("Idempotency-Key"), std::nullopt);
  partner_->manners = {Manner{.wait = seconds(1)}};
  be_impatient();
  EXPECT_EQ(decide().substr(0, 3), "504");
  EXPECT_TRUE(in_outbox().empty());
}

TEST_F(DecisionsTest, TheSameKeyTwiceIsTwoOutcomesUnlessItIsTheSameRequest) {
  partner_->manners = {Manner{.status = 500}};
  decide(R"({"amount":1})", "k1");
  decide(R"({"amount":1})", "k1");
  EXPECT_EQ(in_outbox().size(), 1U);
  decide(R"({"amount":2})", "k1");
  const auto kept = in_outbox();
  ASSERT_EQ(kept.size(), 2U);
  EXPECT_NE(kept[1].content.key, "k1");
}

TEST_F(DecisionsTest, TheSameRequestTwiceIsTwoMessagesWhereItsOutcomesDiffer) {
  partner_->manners = {Manner{.status = 500}};
  EXPECT_EQ(decide(R"({"amount":1})", "k1").substr(0, 20), "200 stand_in approve");
  endpoint().fallback = {.mode = Mode::decline};
  EXPECT_EQ(decide(R"({"amount":1})", "k1").substr(0, 19), "200 decline decline");
  const auto kept = in_outbox();
  ASSERT_EQ(kept.size(), 2U) << "the second outcome was told, and the partner never hears of it";
  EXPECT_NE(kept[1].content.key, "k1");
}

TEST_F(DecisionsTest, AnOutboxThatDoesNotAnswerHoldsADecisionUpForASecond) {
  partner_->manners = {Manner{.status = 500}};
  std::promise<void> release;
  std::future<void> released = release.get_future();
  net::spawn(loop_, hold_outbox(released), "test", log_);
  const std::string said = decide();
  release.set_value();
  EXPECT_EQ(said.substr(0, 10), "503 nobody") << said;
  EXPECT_NE(said.find("outbox.unavailable"), std::string::npos) << said;
  EXPECT_LT(took_, seconds(2));
  EXPECT_EQ(lane().counts.unrecorded, 1U);
  EXPECT_TRUE(in_outbox().empty()) << "it had not begun, and is not told behind the back of who asked";
  EXPECT_EQ(decide().substr(0, 12), "200 stand_in") << "it answers again";
}

TEST_F(DecisionsTest, ABadKeyIsRefusedBeforeAnybodyIsCalled) {
  EXPECT_EQ(decide("{}", std::string(129, 'k')).substr(0, 3), "400");
  EXPECT_EQ(decide("{}", "two words").substr(0, 3), "400");
  EXPECT_TRUE(partner_->requests.empty());
}

class FullOutboxTest : public DecisionsTest {
 protected:
  FullOutboxTest() { messages_ = 1; }
};

TEST_F(FullOutboxTest, WhatCannotBeKeptIsNotDecided) {
  partner_->manners = {Manner{.status = 500}};
  EXPECT_EQ(decide("{}", "k1").substr(0, 11), "200 decline");
  const std::string said = decide("{}", "k2");
  EXPECT_EQ(said.substr(0, 10), "503 nobody") << said;
  EXPECT_NE(said.find("ehi.undecided"), std::string::npos);
  EXPECT_EQ(lane().counts.unrecorded, 1U);
}

TEST_F(DecisionsTest, WhatIsNotThereIsAnsweredByTheRecoverySiteInTheSameCall) {
  endpoint().recovery_url = other_site_->url();
  partner_->stop();
  EXPECT_EQ(decide().substr(0, 11), "200 partner");
  EXPECT_EQ(other_site_->requests.size(), 1U);
  for (int i = 0; i < 2; ++i)
    decide();
  EXPECT_FALSE(lane().decisions.is_closed(Site::primary)) << "three in a row: it is left alone";
  EXPECT_EQ(lane().decisions.counts().failed_over, 3U);
}

TEST_F(DecisionsTest, WhatMayHaveBeenSentIsNotSentToTheRecoverySite) {
  be_impatient();
  endpoint().recovery_url = other_site_->url();
  partner_->manners = {Manner{.wait = seconds(2)}};
  EXPECT_EQ(decide().substr(0, 12), "200 stand_in");
  EXPECT_TRUE(other_site_->requests.empty());
}

TEST_F(DecisionsTest, NothingLeavesBehindTheDeadline) {
  const auto send_by = [&](net::Deadline sent_by) {
    const Channel::Times times{sent_by, net::Deadline::after(seconds(20))};
    std::optional<Answer> answer;
    auto progress = std::make_shared<Channel::Progress>();
    net::spawn(loop_, keep_answer(lane().decisions.ask(request("{}"), times, std::move(progress)), answer), "test",
               log_);
    loop_.run();
    if (!answer) return std::string("nothing");
    return *answer ? std::string("answered") : answer->error().error.code;
  };
  EXPECT_EQ(send_by(net::Deadline::after(milliseconds(-1))), "ehi.timeout");
  EXPECT_TRUE(partner_->requests.empty());
  EXPECT_EQ(send_by(net::Deadline::after(seconds(20))), "answered");
  EXPECT_EQ(send_by(net::Deadline::after(milliseconds(-1))), "ehi.timeout") << "on a warm connection neither";
  EXPECT_EQ(partner_->requests.size(), 1U);
}

TEST_F(DecisionsTest, SilenceOpensTheCircuitAndAProbeClosesIt) {
  be_impatient();
  endpoint().circuit.pause = milliseconds(100);
  partner_->manners = {Manner{.wait = milliseconds(800)}};
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(decide("{}", "k" + std::to_string(i)).substr(0, 31), "200 decline decline ehi.timeout");
  EXPECT_EQ(decide("{}", "k4").substr(0, 36), "200 decline decline ehi.circuit_open");
  EXPECT_LT(took_, kImpatient) << "at once";
  EXPECT_EQ(in_outbox().size(), 4U);
  EXPECT_NE(sink_.lines.find("ehi.unreachable"), std::string::npos);
  lane().decisions.start();
  partner_->manners = {Manner{}};
  run_until([&] { return lane().decisions.usable(); });
  EXPECT_EQ(decide("{}", "k5").substr(0, 11), "200 partner");
  EXPECT_NE(sink_.lines.find("ehi.reachable"), std::string::npos);
}

TEST_F(DecisionsTest, APinThatDoesNotMatchSendsNothing) {
  endpoint().pins = {crypto::Digest256{}};
  EXPECT_EQ(decide(), "200 stand_in approve ehi.pin_mismatch small enough");
  EXPECT_TRUE(partner_->requests.empty());
  EXPECT_EQ(lane().counts.refused, 1U);
}

TEST_F(DecisionsTest, APinOfAnybodyOnThePathIsEnough) {
  endpoint().pins = {crypto::Digest256{}, pki_.web_intermediate().certificate.public_key().spki_sha256()};
  EXPECT_EQ(decide().substr(0, 11), "200 partner");
}

TEST_F(DecisionsTest, AsManyAtOnceAsItMayHave) {
  be_impatient();
  endpoint().concurrency = 1;
  partner_->manners = {Manner{.wait = seconds(1)}};
  EXPECT_EQ(decide("{}", "k1").substr(0, 31), "200 decline decline ehi.timeout");
  EXPECT_EQ(decide("{}", "k2").substr(0, 28), "200 decline decline ehi.busy") << "the late one is still under way";
}

TEST_F(DecisionsTest, CutoffsThatNobodyTakesSpendNoAttemptAndHoldUpNoAdvice) {
  endpoint().advice.cutoff_url = other_site_->url();
  endpoint().circuit = {.failures = 1, .pause = std::chrono::hours(1)};
  other_site_->stop();
  put_cutoff();
  lane().delivery.start();
  run_until([&] { return !lane().cutoffs->is_closed(Site::primary) && lane().delivery.under_way() == 0; });
  run(decisions_->take_advice(lane(), "core", request("settled", "a1")));
  run_until([&] { return lane().delivery.counts().delivered == 1; });
  const auto kept = in_outbox();
  ASSERT_EQ(kept.size(), 2U);
  EXPECT_EQ(kept[0].attempts, 1) << "its site was not called: the circuit is open";
  EXPECT_EQ(kept[1].state, outbox::State::delivered);
}

TEST_F(DecisionsTest, CutoffsAreDeliveredWhereAdvicesCannotBe) {
  endpoint().advice.cutoff_url = other_site_->url();
  endpoint().circuit = {.failures = 1, .pause = std::chrono::hours(1)};
  partner_->stop();
  run(decisions_->take_advice(lane(), "core", request("settled", "a1")));
  lane().delivery.start();
  run_until([&] { return !lane().advices.is_closed(Site::primary) && lane().delivery.under_way() == 0; });
  put_cutoff();
  lane().delivery.nudge();
  run_until([&] { return lane().delivery.counts().delivered == 1; });
  EXPECT_EQ(other_site_->requests.size(), 1U);
  EXPECT_EQ(in_outbox().at(0).attempts, 1);
}

TEST_F(DecisionsTest, AnAdviceIsTakenOnceAndComesAgainUntilItIsAcknowledged) {
  endpoint().advice.acknowledgement.conditions.push_back(*Condition::parse("/code = 00"));
  partner_->manners = {Manner{.status = 503}, {.body = "{}"}, {}};
  run(decisions_->take_advice(lane(), "core", request("settled", "a1")));
  EXPECT_EQ(response_.status, 202);
  run(decisions_->take_advice(lane(), "core", request("settled", "a1")));
  EXPECT_NE(response_.body.find("\"repeated\":true"), std::string::npos);
  run(decisions_->take_advice(lane(), "core", request("another", "a1")));
  EXPECT_EQ(response_.status, 409);
  lane().delivery.start();
  run_until([&] { return lane().delivery.counts().delivered == 1; });
  ASSERT_EQ(partner_->requests.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(partner_->requests[i].head.fields.find("X-Countersign-Attempt"), std::to_string(i + 1));
    EXPECT_EQ(partner_->requests[i].head.fields.find("Idempotency-Key"), "a1");
    EXPECT_EQ(partner_->requests[i].body, "settled");
  }
}

}  // namespace
}  // namespace countersign::ehi
