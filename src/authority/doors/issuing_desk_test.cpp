// Calls for certificates that wait at the door: they go on together, each gets its own answer, and two that are about
// the same thing do not meet.
#include "authority/doors/issuing_desk.h"

#include <future>
#include <set>

#include "authority/doors/doors_test.h"

namespace countersign::authority {
namespace {

net::Task<void> call(http::Client& client, std::string body, std::optional<base::Result<http::Response>>& into) {
  http::Request request;
  request.head.method = "POST";
  request.head.target = "/v1/enrolments";
  request.body = std::move(body);
  into = co_await client.send(std::move(request), soon());
}

net::Task<void> hold_up(net::Loop& loop, net::Worker& worker, std::future<void>& release) {
  std::function<void()> job = [&release] { release.wait(); };
  co_await worker.run(loop, std::move(job));
}

net::Task<void> wait_for_queue(net::Worker& worker, std::size_t jobs) {
  while (worker.waiting() < jobs)
    co_await net::sleep_until(net::Deadline::after(std::chrono::milliseconds(1)));
}

class Desk : public Doors {
 protected:
  /// A call whose answer is awaited.
  struct Waiting {
    Connection connection;
    std::optional<base::Result<http::Response>> answer;
  };
  static net::Task<void> wait_for_all(std::vector<std::unique_ptr<Waiting>>& calls) {
    for (const auto& one : calls)
      while (!one->answer)
        co_await net::sleep_until(net::Deadline::after(std::chrono::milliseconds(1)));
  }
  std::string make_code() {
    const auto code = authority().enrolment().create_code(admin_actor(),
                                                          {identity("production:acme:payments"), {Purpose::transport}});
    return std::string(code->code.text().reveal_text());
  }
  static std::string make_csr() {
    const auto key = crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256).value();
    return x509::Csr::make_pem(key, {"", "", ""}).value();
  }
  static std::string body(const std::string& code, const std::string& csr) {
    return base::json::serialize(object{{"code", code}, {"purpose", "transport"}, {"csr", csr}});
  }
  /// Sends all while the registry's thread is kept busy, so that they wait together. Their outcomes, in order.
  std::vector<std::string> ask_together(const std::vector<std::string>& bodies) {
    std::vector<std::unique_ptr<Waiting>> calls;
    for (std::size_t i = 0; i < bodies.size(); ++i) {
      auto connection = testing::run(loop, connect(service().api_at(), admin()));
      EXPECT_TRUE(connection);
      calls.push_back(std::make_unique<Waiting>(Waiting{std::move(*connection), std::nullopt}));
    }
    std::promise<void> release;
    auto released = release.get_future();
    net::spawn(loop, hold_up(loop, worker(), released), "hold_up", log.log());
    for (std::size_t i = 0; i < bodies.size(); ++i) {
      net::spawn(loop, call(*calls[i]->connection.client, bodies[i], calls[i]->answer), "call", log.log());
      testing::run(loop, wait_for_queue(worker(), i + 1));
    }
    release.set_value();
    testing::run(loop, wait_for_all(calls));
    std::vector<std::string> outcomes;
    for (const auto& one : calls) {
      outcomes.push_back(outcome(*one->answer));
      if (*one->answer && (*one->answer)->status < 300) serials.push_back(member(json_of(*one->answer), "serial"));
    }
    return outcomes;
  }
  std::string count(const std::string& what) { return raw().ask("SELECT COUNT(*) FROM " + what); }

  std::vector<std::string> serials;  ///< of those that were issued
};

TEST_F(Desk, TakesThoseAlongThatHaveComeMeanwhile) {
  std::vector<std::string> bodies;
  for (int i = 0; i < 5; ++i)
    bodies.push_back(body(make_code(), make_csr()));
  const std::string before = raw().ask("SELECT MAX(sequence) FROM audit");
  EXPECT_EQ(ask_together(bodies), std::vector<std::string>(5, "201"));
  EXPECT_EQ(std::set<std::string>(serials.begin(), serials.end()).size(), 5U);
  // All intents, then all certificates: two amendments, whoever came first.
  EXPECT_EQ(
      count("audit WHERE action = 'issuance.recorded' AND sequence > " + before + " AND sequence <= 5 + " + before),
      "5");
  EXPECT_EQ(count("audit WHERE action = 'certificate.issued' AND sequence > 5 + " + before), "5");
}

TEST_F(Desk, GivesEachItsOwnAnswer) {
  const std::string good = make_code();
  const std::vector<std::string> bodies = {body(good, make_csr()), body("cse_" + std::string(43, 'A'), make_csr()),
                                           body(make_code(), "no CSR"), R"({"code":1})", body(make_code(), make_csr())};
  const std::vector<std::string> wanted = {"201", "403 code.unknown", "400 csr.malformed", "400 json.type", "201"};
  EXPECT_EQ(ask_together(bodies), wanted);
}

TEST_F(Desk, GivesOneRedemptionToOneKeyOnly) {
  const std::string code = make_code();
  const auto outcomes = ask_together({body(code, make_csr()), body(code, make_csr()), body(code, make_csr())});
  EXPECT_EQ(outcomes, std::vector<std::string>({"201", "409 code.used", "409 code.used"}));
  EXPECT_EQ(count("issuances WHERE requested_by LIKE 'enrolment-code:%' AND state <> 'issued'"), "0");
}

TEST_F(Desk, GivesTheSameCertificateToTheSameRequest) {
  const std::string same = body(make_code(), make_csr());
  EXPECT_EQ(ask_together({same, same, same}), std::vector<std::string>(3, "201"));
  EXPECT_EQ(std::set<std::string>(serials.begin(), serials.end()).size(), 1U);
}

TEST_F(Desk, DoesNotCertifyOneKeyForTwo) {
  ASSERT_TRUE(authority().directory().create_organisation(admin_actor(), slug("other"), "Other"));
  ASSERT_TRUE(authority().directory().create_application(admin_actor(), {identity("production:other:app"), "", {}}));
  const auto code = authority().enrolment().create_code(admin_actor(), {identity("production:other:app"), {}});
  const std::string csr = make_csr();
  const auto outcomes = ask_together({body(make_code(), csr), body(std::string(code->code.text().reveal_text()), csr)});
  EXPECT_EQ(outcomes, std::vector<std::string>({"201", "403 key.in_use"}));
}

}  // namespace
}  // namespace countersign::authority
