// Calls over HTTP/2 to a partner's real server: what is shared, what is not, and what is sent again.
#include <functional>

#include <gtest/gtest.h>

#include "ehi/caller.h"
#include "ehi/partner_test.h"
#include "http/h2_session.h"
#include "http/server.h"

namespace countersign::ehi {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::Issued;
using testing::Pki;

class NoSink final : public base::LogSink {
  void write(std::string_view) override {}
};

/// What the partner does with a request.
enum class Manner { answers, never_answers, resets, hangs_up, says_goodbye };

/// A partner's server that speaks HTTP/2 to who offers it.
class Partner final : public PartnerServer {
 public:
  struct Options {
    std::uint32_t streams = 100;
    bool knows_provider = true;
    bool http2 = true;
    bool speaks_garbage = false;
    std::size_t answer_bytes = 2;
  };
  Partner(net::Loop& loop, Pki& pki, Options options, const base::Log& log)
      : PartnerServer(
            loop, pki,
            {.certificate = pki.server().issue(), .http2 = options.http2, .knows_provider = options.knows_provider},
            log),
        options_(options),
        log_(log),
        loop_(loop) {}
  Manner manner = Manner::answers;
  base::Duration wait{};
  int requests = 0;
  int given_up = 0;  ///< streams that the provider has reset

 private:
  net::Task<void> serve(tls::Connection<tls::VerifiedPeer>& connection) override {
    if (options_.speaks_garbage) {
      constexpr std::string_view kGarbage = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
      const net::Deadline soon = net::Deadline::after(seconds(5));
      (void)co_await connection.stream->write_all(base::as_bytes(kGarbage), soon);
      co_await connection.stream->finish(soon);
      co_return;
    }
    if (connection.protocol == tls::Protocol::http_1_1) {
      const http::Handler handler = [this](http::Request request) { return answer_h1(std::move(request)); };
      const http::ServerOptions options;
      co_await http::serve(*connection.stream, handler, options);
      co_return;
    }
    net::TaskGroup at_work(loop_, log_);
    http::H2Session::Options options{.limits = {.streams = options_.streams}, .serve = {}, .malformed = {}};
    http::H2Session* session = nullptr;
    options.serve = [&](http::H2Stream stream) { at_work.spawn(answer(std::move(stream), session), "answer"); };
    http::H2Session made(loop_, *connection.stream, std::move(options), log_);
    session = &made;
    (void)co_await made.run();
    while (!co_await at_work.wait_until_empty(net::Deadline::after(seconds(1)))) {
    }
  }
  net::Task<http::Response> answer_h1(http::Request request) {
    ++requests;
    http::Response response;
    response.body = "HTTP/1.1 " + request.body;
    co_return response;
  }
  net::Task<void> answer(http::H2Stream stream, http::H2Session* session) {
    ++requests;
    stream.when_gone([this] { ++given_up; });
    std::string body(1024, '\0');
    std::size_t size = 0;
    const net::Deadline deadline = net::Deadline::after(seconds(20));
    while (!stream.at_end_of_message()) {
      const std::span<std::uint8_t> space(reinterpret_cast<std::uint8_t*>(body.data()) + size, body.size() - size);
      const auto got = co_await stream.read_body_some(space, deadline);
      if (!got || *got == 0) break;
      size += *got;
    }
    const Manner now = manner;
    if (wait > base::Duration::zero()) co_await net::sleep_until(net::Deadline::after(wait));
    if (now == Manner::never_answers) co_await net::sleep_until(net::Deadline::after(seconds(3)));
    if (now == Manner::hangs_up) session->cut();
    if (now == Manner::resets || now == Manner::hangs_up || now == Manner::never_answers) {
      stream.reset();
      co_return;
    }
    if (now == Manner::says_goodbye) session->wind_down();
    const std::vector<http::FieldView> fields{{"content-type", "application/json"}};
    stream.send_head(200, fields, http::H2Stream::Body::follows);
    const std::string answer =
        options_.answer_bytes == 2 ? body.substr(0, size) : std::string(options_.answer_bytes, 'x');
    (void)co_await stream.write(answer, deadline);
    (void)co_await stream.finish(deadline);
  }

  Options options_;
  const base::Log& log_;
  net::Loop& loop_;
};

class SharedCall : public ::testing::Test {
 protected:
  void set_up(Partner::Options options, base::Duration deadline = seconds(20)) {
    own_.emplace(pki_.ehi().issue());
    renewed_.emplace(pki_.ehi().issue());
    partner_.emplace(loop_, pki_, options, log_);
    auto anchors = std::make_shared<const trust::TrustSet>(pki_.web_trust());
    config_.endpoints.push_back(
        {*base::Slug::parse("acme"), base::Environment::production, partner_->url(), deadline, anchors});
    config_.body_bytes = 64 * 1024;
    caller_.emplace(loop_, config_, pki_.clock(), log_);
    use(std::move(*own_));
  }
  void use(Issued own) {
    const tls::Credential credential{std::move(own.chain), std::move(own.key)};
    ASSERT_TRUE(caller_->use_credential(base::Environment::production, credential));
  }
  /// Each step makes so many calls at once, and waits for all of them.
  struct Step {
    int calls = 1;
    std::function<void()> before = [] {};
    base::Duration deadline = seconds(20);
    base::Duration apart = {};  ///< the second one and so on
  };
  void run(std::vector<Step> steps) {
    net::spawn(loop_, run_each(std::move(steps)), "caller", log_);
    loop_.run();
  }
  net::Task<void> run_each(std::vector<Step> steps) {
    net::TaskGroup calls(loop_, log_);
    for (const Step& step : steps) {
      step.before();
      for (int i = 0; i < step.calls; ++i) {
        if (i > 0 && step.apart > base::Duration::zero()) co_await net::sleep_until(net::Deadline::after(step.apart));
        calls.spawn(call(i == 0 ? step.deadline : seconds(20)), "call");
      }
      while (!co_await calls.wait_until_empty(net::Deadline::after(seconds(1)))) {
      }
    }
    loop_.stop();
  }
  net::Task<void> renew_in(base::Duration time) {
    co_await net::sleep_until(net::Deadline::after(time));
    use(std::move(*renewed_));
  }
  net::Task<void> call(base::Duration time) {
    http::Request request;
    request.body = "{}";
    const net::Deadline deadline = net::Deadline::after(time);
    const CallPlan plan{&config_.endpoints.front().url, deadline, deadline};
    auto answered = co_await caller_->call(config_.endpoints.front(), std::move(request), plan);
    if (answered) outcomes_.push_back(std::to_string(answered->status) + " " + answered->body);
    else outcomes_.push_back(answered.error().error.code);
    if (!answered) last_sent_ = answered.error().sent;
  }

  Pki pki_;
  NoSink sink_;
  base::Log log_{{.program = "test"}, pki_.clock(), sink_};
  net::Loop loop_;
  std::optional<Issued> own_, renewed_;
  std::optional<Partner> partner_;
  EhiConfig config_;
  std::optional<Caller> caller_;
  std::vector<std::string> outcomes_;
  std::optional<CallFailure::Sent> last_sent_;
};

std::vector<std::string> all(std::size_t count, const char* what) { return std::vector<std::string>(count, what); }

/// Judged anew now and then; the calls do not notice.
TEST_F(SharedCall, AnOldConnectionIsReplacedBesideTheCalls) {
  config_.connection_age = std::chrono::milliseconds(50);
  set_up({});
  partner_->wait = std::chrono::milliseconds(40);
  run({{.calls = 1}, {.calls = 60, .apart = std::chrono::milliseconds(5)}});
  EXPECT_EQ(outcomes_, all(61, "200 {}"));
  EXPECT_EQ(partner_->requests, 61);
  EXPECT_GE(partner_->connections, 2);
  EXPECT_LE(partner_->connections, 30);
}

TEST_F(SharedCall, ManyShareOneConnectionOnceItIsKnown) {
  set_up({});
  run({{.calls = 1}, {.calls = 50}, {.calls = 1}});
  EXPECT_EQ(outcomes_, all(52, "200 {}"));
  EXPECT_EQ(partner_->connections, 1);
  EXPECT_EQ(partner_->requests, 52);
}

TEST_F(SharedCall, WithoutHttp2TheSameServerIsSpokenToOnConnectionsOfTheirOwn) {
  set_up({});
  config_.endpoints.front().http2 = false;
  run({{.calls = 1}, {.calls = 2}});
  EXPECT_EQ(outcomes_, all(3, "200 HTTP/1.1 {}"));
  EXPECT_EQ(partner_->connections, 2);
}

TEST_F(SharedCall, AServerWithoutItIsSpokenToAsBefore) {
  set_up({.http2 = false});
  run({{.calls = 1}, {.calls = 1}});
  EXPECT_EQ(outcomes_, all(2, "200 HTTP/1.1 {}"));
  EXPECT_EQ(partner_->connections, 1);
}

TEST_F(SharedCall, ARenewedCertificateMovesAllToOneNewConnectionAndNoneFails) {
  set_up({});
  const auto renew = [&] { use(std::move(*renewed_)); };
  run({{.calls = 1}, {.calls = 20, .before = renew}, {.calls = 1}});
  EXPECT_EQ(outcomes_, all(22, "200 {}"));
  EXPECT_EQ(partner_->connections, 2) << "who comes while one is made waits for it";
  caller_->close_idle();
  EXPECT_EQ(caller_->warm(), 1U) << "the old one has ended";
}

TEST_F(SharedCall, ACallUnderWayOutlivesTheRenewal) {
  set_up({});
  partner_->wait = milliseconds(200);
  const auto renew_soon = [&] { net::spawn(loop_, renew_in(milliseconds(60)), "renew", log_); };
  run({{.calls = 3, .before = renew_soon}, {.calls = 1}});
  EXPECT_EQ(outcomes_, all(4, "200 {}"));
}

TEST_F(SharedCall, AtItsDeadlineOneStreamIsResetAndNobodyElses) {
  set_up({});
  const auto slow = [&] { partner_->wait = milliseconds(600); };
  run({{.calls = 1}, {.calls = 2, .before = slow, .deadline = milliseconds(200)}});
  EXPECT_EQ(outcomes_, (std::vector<std::string>{"200 {}", "ehi.timeout", "200 {}"}));
  EXPECT_EQ(partner_->connections, 1);
  EXPECT_EQ(partner_->given_up, 1);
}

TEST_F(SharedCall, WhereNothingWasHeardMeanwhileNoFurtherCallGoesThere) {
  set_up({});
  const auto silent = [&] { partner_->manner = Manner::never_answers; };
  const auto good = [&] { partner_->manner = Manner::answers; };
  run({{.calls = 1}, {.calls = 1, .before = silent, .deadline = milliseconds(200)}, {.calls = 1, .before = good}});
  EXPECT_EQ(outcomes_, (std::vector<std::string>{"200 {}", "ehi.timeout", "200 {}"}));
  EXPECT_EQ(partner_->connections, 2);
}

TEST_F(SharedCall, AServerThatTakesOneAtATimeServesEachOnce) {
  set_up({.streams = 1});
  partner_->wait = milliseconds(50);
  const auto renew = [&] { use(std::move(*renewed_)); };
  run({{.calls = 1}, {.calls = 2, .before = renew}});
  EXPECT_EQ(outcomes_, all(3, "200 {}"));
  EXPECT_EQ(partner_->requests, 3);
}

TEST_F(SharedCall, WhatMayHaveBeenSeenIsNotSentAgain) {
  set_up({});
  const auto resets = [&] { partner_->manner = Manner::resets; };
  const auto hangs_up = [&] { partner_->manner = Manner::hangs_up; };
  run({{.calls = 1, .before = resets}, {.calls = 1, .before = hangs_up}});
  EXPECT_EQ(outcomes_, (std::vector<std::string>{"ehi.bad_answer", "ehi.unreachable"}));
  EXPECT_EQ(last_sent_, CallFailure::Sent::maybe);
  EXPECT_EQ(partner_->requests, 2);
}

TEST_F(SharedCall, AfterGoodbyeAnotherConnectionIsMade) {
  set_up({});
  partner_->manner = Manner::says_goodbye;
  run({{.calls = 1}, {.calls = 1}});
  EXPECT_EQ(outcomes_, all(2, "200 {}"));
  EXPECT_EQ(partner_->connections, 2);
}

TEST_F(SharedCall, TheLargestAnswerIsTakenAndALargerOneIsNot) {
  set_up({.answer_bytes = 64 * 1024});
  run({{.calls = 1}});
  EXPECT_EQ(outcomes_.front().size(), 4 + 64 * 1024U);
}

TEST_F(SharedCall, ATooLargeAnswerIsRefused) {
  set_up({.answer_bytes = 64 * 1024 + 1});
  run({{.calls = 1}, {.calls = 1}});
  EXPECT_EQ(outcomes_, all(2, "ehi.bad_answer"));
  EXPECT_EQ(partner_->connections, 1) << "the connection is as good as before";
}

TEST_F(SharedCall, APartnerThatDoesNotKnowUsIsToldSo) {
  set_up({.knows_provider = false});
  run({{.calls = 1}});
  EXPECT_EQ(outcomes_, all(1, "ehi.refused_by_partner"));
  EXPECT_EQ(partner_->requests, 0);
}

TEST_F(SharedCall, AServerThatChoosesHttp2AndSpeaksSomethingElseGivesABadAnswer) {
  set_up({.speaks_garbage = true});
  run({{.calls = 1}});
  EXPECT_EQ(outcomes_, all(1, "ehi.bad_answer"));
}

}  // namespace
}  // namespace countersign::ehi
