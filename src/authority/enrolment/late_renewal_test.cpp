// Renewal after expiry: off unless the profile says so; then bounded, and only for the certificate held last.
#include "authority/enrolment/late_order_test.h"
#include "authority/revocation/revocation.h"

namespace countersign::authority {
namespace {

using testing::code_of;
using trust::Purpose;

constexpr const char* kWeek =
    "[[profiles]]\nenvironment = 'production'\npurpose = 'transport'\ndanger_renew_after_expiry = '7d'\n";

class LateRenewing : public AuthorityTest {
 protected:
  void SetUp() override {
    AuthorityTest::SetUp();
    demand(kWeek);
  }
  Held hold(Purpose purpose = Purpose::transport) {
    clock.advance(std::chrono::seconds(1));  // so that one is the later one
    auto key = make_key();
    auto given = enrol(kPayments, key, purpose).value();
    return {std::move(key), std::move(given)};
  }
  base::Result<Issued> take(const LateRenewalOrder& order) { return issued(authority::take(office(), order)); }
  base::Result<Issued> renew(const Held& held) { return take(late_order(held, make_key())); }
  void go_past_the_end(const Held& held, base::Duration by) { clock.set(held.issued.certificate.not_after() + by); }
};

TEST_F(LateRenewing, IsBoundedByTheProfile) {
  const Held held = hold();
  EXPECT_EQ(code_of(renew(held)), "renewal.not_ended");
  go_past_the_end(held, kDay * 7 + std::chrono::seconds(1));
  EXPECT_EQ(code_of(renew(held)), "renewal.too_late");
  go_past_the_end(held, kDay * 7);
  EXPECT_EQ(code_of(renew(held)), "ok");
}

TEST_F(LateRenewing, IsOffUnlessTheProfileSaysSo) {
  const Held held = hold();
  demand("[[profiles]]\nenvironment = 'production'\npurpose = 'transport'\n");
  go_past_the_end(held, std::chrono::seconds(1));
  EXPECT_EQ(code_of(renew(held)), "renewal.too_late");
  demand(kWeek);
  EXPECT_EQ(code_of(renew(held)), "ok");
}

TEST_F(LateRenewing, TakesTheOldKeysWordForThisNewKeyOnly) {
  const Held held = hold();
  const Held other = hold();  // enrolled later: the last one
  go_past_the_end(other, std::chrono::hours(1));
  const auto next = make_key();
  const LateRenewalOrder good = late_order(other, next);
  LateRenewalOrder changed = good;
  changed.csr = x509::Csr::parse(make_csr(make_key())).value();
  EXPECT_EQ(code_of(take(changed)), "renewal.bad_proof") << "another new key";
  changed = good;
  changed.signature.back() ^= 1;
  EXPECT_EQ(code_of(take(changed)), "renewal.bad_proof") << "another signature";
  changed = good;
  changed.held = held.issued.certificate;
  EXPECT_EQ(code_of(take(changed)), "renewal.bad_proof") << "another certificate";
  changed = good;
  changed.purpose = Purpose::signing;
  EXPECT_EQ(code_of(take(changed)), "renewal.bad_proof") << "another purpose";
  EXPECT_EQ(code_of(take(late_order(other, make_key(), Purpose::signing))), "purpose.not_allowed");
  EXPECT_EQ(code_of(take(late_order(other, other.key))), "key.reused");
  EXPECT_EQ(code_of(take(good)), "ok");
}

TEST_F(LateRenewing, IsForTheLastCertificateOnly) {
  const Held first = hold();
  const Held second = hold();
  go_past_the_end(second, std::chrono::hours(1));
  EXPECT_EQ(code_of(renew(first)), "renewal.not_last") << "another one of the application came later";
  EXPECT_EQ(code_of(renew(second)), "ok");
  EXPECT_EQ(code_of(renew(second)), "renewal.not_last") << "it was renewed";
}

TEST_F(LateRenewing, IsNotForWhatWasTakenBack) {
  const Held held = hold();
  const Held other = hold();
  ASSERT_TRUE(revoke(office().ledger, admin(), other.issued.certificate.serial(), "superseded"));
  go_past_the_end(other, std::chrono::hours(1));
  EXPECT_EQ(code_of(renew(other)), "certificate.revoked");
  EXPECT_EQ(code_of(renew(held)), "renewal.not_last") << "nor does the one before come back";
}

TEST_F(LateRenewing, IsJudgedByToday) {
  const Held held = hold();
  go_past_the_end(held, std::chrono::hours(1));
  ASSERT_TRUE(office().directory.suspend_organisation(admin(), slug("acme")));
  EXPECT_EQ(code_of(renew(held)), "organisation.suspended");
  ASSERT_TRUE(office().directory.resume_organisation(admin(), slug("acme")));
  demand(std::string(kWeek) + "key_types = ['p384']\n");
  EXPECT_EQ(code_of(renew(held)), "key.not_allowed");
  demand(std::string(kWeek) + "approvals = 1\n");
  EXPECT_EQ(code_of(renew(held)), "test.pending");
  demand(kWeek);
  EXPECT_EQ(code_of(renew(held)), "ok");
}

TEST(LateRenewalPolicy, IsSpelledAsADangerAndBounded) {
  struct Row {
    const char* value;
    const char* code;
  };
  for (const Row& row : {Row{"30d", "ok"}, Row{"0s", "ok"}, Row{"31d", "config.value"}}) {
    const std::string text = "[[profiles]]\nenvironment = 'uat'\npurpose = 'transport'\ndanger_renew_after_expiry = '" +
                             std::string(row.value) + "'\n";
    auto document = base::ConfigSection::parse(text, "test.toml").value();
    const auto policy = IssuancePolicy::read(document.sections("profiles").value(), kDay * 350);
    EXPECT_EQ(code_of(policy), row.code) << row.value;
    if (policy) {
      EXPECT_EQ(policy->late_renewals().size(), row.value == std::string("30d") ? 1U : 0U) << row.value;
    }
  }
}

}  // namespace
}  // namespace countersign::authority
