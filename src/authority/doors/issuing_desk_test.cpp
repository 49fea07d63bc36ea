// Calls for certificates that wait at the door: they go on together, each gets its own answer, and two that are about
// the same thing do not meet.
#include "authority/doors/issuing_desk.h"

#include <set>

#include "authority/doors/together_test.h"

namespace countersign::authority {
namespace {

class Desk : public Together {
 protected:
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
    std::vector<http::Request> requests;
    for (const std::string& one : bodies) {
      http::Request& request = requests.emplace_back();
      request.head.method = "POST";
      request.head.target = "/v1/enrolments";
      request.body = one;
    }
    std::vector<std::string> outcomes;
    for (const auto& answer : send_together(service().api_at(), admin(), std::move(requests))) {
      outcomes.push_back(outcome(answer));
      if (answer && answer->status < 300) serials.push_back(member(json_of(answer), "serial"));
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
