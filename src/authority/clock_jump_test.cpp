// A clock that jumps between any two steps of an issuance or of a CRL, far and near, ahead and back: what is given fits
// its issuer, what is refused says so, nothing is left open, numbers rise, and once the clock is right all goes on.
#include <map>
#include <utility>

#include "authority/fixture_test.h"
#include "authority/registry/audit_verification.h"
#include "authority/revocation/revocation.h"
#include "authority/status/crl_publisher.h"

namespace countersign::authority {
namespace {

constexpr const char* kPayments = "production:acme:payments";
constexpr Step kSteps[] = {Step::after_check, Step::after_lint, Step::after_record, Step::after_sign,
                           Step::after_publish};
constexpr Step kCrlSteps[] = {Step::after_crl_record, Step::after_crl_sign, Step::after_crl_publish};
/// Roots live for 20 years, issuing CAs for 10, certificates for 350 days, CRLs for one.
constexpr base::Duration kJumps[] = {
    std::chrono::seconds(-1), std::chrono::minutes(6), kDay * 40, -kDay * 40, kDay * 400,
    kDay * 365 * 30,          -kDay * 365 * 30};
/// Each of those beyond their life has all CRLs made anew.
constexpr base::Duration kCrlJumps[] = {std::chrono::seconds(-1), std::chrono::minutes(6), kDay * 40, -kDay * 40};

/// Sets the clock at one step, once.
class JumpAt final : public StepObserver {
 public:
  explicit JumpAt(testing::FakeClock& clock) : clock_(clock) {}
  base::Result<void> reached(Step step) override {
    if (step == at_) clock_.advance(std::exchange(by_, {}));
    return {};
  }
  void arm(Step at, base::Duration by) { at_ = at, by_ = by; }

 private:
  testing::FakeClock& clock_;
  Step at_ = Step::after_check;
  base::Duration by_{};
};

class ClockJumps : public AuthorityTest {
 protected:
  void SetUp() override {
    AuthorityTest::SetUp();
    close();
    shop_ = std::make_unique<Office>(Office::Parts{data(), clock, random, *signer, jump, policy});
  }
  Office& shop() { return *shop_; }
  base::Result<Issued> redeem_here(const std::string& code, const crypto::PrivateKey& key) {
    const std::string csr = make_csr(key);
    return issued(shop().enrolment.redeem({code, trust::Purpose::transport, csr}));
  }
  std::string new_code() {
    return std::string(shop().enrolment.create_code(admin(), {identity(kPayments), {}})->code.text().reveal_text());
  }
  static void expect_fits(const Issued& given, const std::string& what) {
    const x509::Certificate& issuer = given.issuer->certificate;
    EXPECT_GE(given.certificate.not_before(), issuer.not_before()) << what;
    EXPECT_LE(given.certificate.not_after(), issuer.not_after()) << what;
    EXPECT_LE(given.certificate.not_after() - given.certificate.not_before(), kDay * 350 + kBackdating) << what;
  }
  void set_right() {
    right_ = right_ + std::chrono::minutes(1);
    clock.set(right_);
  }

  JumpAt jump{clock};

 private:
  std::unique_ptr<Office> shop_;
  base::Instant right_ = kNow;
};

TEST_F(ClockJumps, AtAnyStepOfAnIssuanceLeaveItWholeOrNot) {
  int given_under_a_jump = 0;
  int refused = 0;
  for (const base::Duration by : kJumps)
    for (const Step step : kSteps) {
      const std::string what =
          std::string(name(step)) + " " + std::to_string(std::chrono::duration_cast<std::chrono::seconds>(by).count());
      SCOPED_TRACE(what);
      const auto key = make_key();
      const std::string code = new_code();
      jump.arm(step, by);
      const auto given = redeem_here(code, key);
      if (given) expect_fits(*given, what), ++given_under_a_jump;
      else {
        ++refused;
        EXPECT_NE(given.error().detail, "") << "a refusal says why";
        EXPECT_NE(given.error().kind, base::Kind::corrupt) << base::to_string(given.error());
      }
      set_right();
      const auto again = redeem_here(code, key);
      ASSERT_TRUE(again) << base::to_string(again.error());
      expect_fits(*again, what);
      if (given) {
        EXPECT_EQ(again->certificate, given->certificate) << "what was answered is what is kept";
      }
      EXPECT_EQ(abandon_open_intents(shop().ledger), 0U) << "an intent is left open";
    }
  EXPECT_GT(given_under_a_jump, 0);
  EXPECT_GT(refused, 0) << "no jump was too far: the test is an empty one";
  EXPECT_EQ(raw().ask("SELECT COUNT(*) FROM certificates"), std::to_string(std::size(kJumps) * std::size(kSteps)));
  EXPECT_EQ(verify_audit(shop().ledger)->problem, "");
}

TEST_F(ClockJumps, AtAnyStepOfACrlLeaveRisingNumbersAndTheRevokedInIt) {
  CrlPublisher publisher(shop().ledger, shop().hierarchy, *signer, jump);
  ASSERT_TRUE(publisher.open(StatusUrls::parse("http://pki.example").value()));
  std::uint64_t sequence = 1'000'000;
  const auto publish_due = [&] {
    while (publisher.publish_due().value() > 0) {
    }
  };
  publish_due();
  std::map<CrlName, std::pair<std::uint64_t, base::Instant>> newest;
  for (const base::Duration by : kCrlJumps)
    for (const Step step : kCrlSteps) {
      SCOPED_TRACE(std::string(name(step)) + " " +
                   std::to_string(std::chrono::duration_cast<std::chrono::seconds>(by).count()));
      const auto given = redeem_here(new_code(), make_key());
      ASSERT_TRUE(given) << base::to_string(given.error());
      const CrlName place{given->issuer->name, crl_shard_of(given->certificate.serial(), 64)};
      ASSERT_TRUE(revoke(shop().ledger, admin(), given->certificate.serial(), "superseded"));
      publisher.note_revocation(place, ++sequence);
      jump.arm(step, by);
      publish_due();
      for (int right = 0; right < 2; ++right) {  // under the jump, and after it
        const auto crl = x509::Crl::from_der(base::as_bytes(*publisher.served().at(place).der)).value();
        EXPECT_NE(crl.find(given->certificate.serial()), nullptr) << right;
        const auto known = newest.find(place);
        if (known != newest.end()) {
          EXPECT_GE(crl.number(), known->second.first) << right;
          EXPECT_EQ(crl.number() > known->second.first, crl.this_update() > known->second.second) << right;
        }
        newest[place] = {crl.number(), crl.this_update()};
        set_right();
        publish_due();
      }
    }
  EXPECT_EQ(raw().ask("SELECT COUNT(*) FROM crls WHERE published_number > number"), "0");
  EXPECT_EQ(verify_audit(shop().ledger)->problem, "");
}

}  // namespace
}  // namespace countersign::authority
