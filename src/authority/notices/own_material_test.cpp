// CRLs and OCSP responders that grow old: told once, before they are over, unless the authority made them anew.
#include "authority/notices/own_material.h"

#include "authority/fixture_test.h"
#include "authority/notices/notices.h"
#include "store/crls.h"
#include "testing/run.h"

namespace countersign::authority {
namespace {

constexpr auto kHour = std::chrono::hours(1);

class OwnMaterialTest : public AuthorityTest {
 protected:
  void SetUp() override {
    AuthorityTest::SetUp();
    restart();
  }
  void restart() {
    const courier::MailAddress operators = courier::MailAddress::parse("ops@provider.example").value();
    notices_.emplace(Notices::Parts{office().ledger, office().hierarchy, random, log.log()},
                     Notices::Rules{NoticeSettings::default_thresholds(), {operators}, true});
    EXPECT_EQ(plan(), 0U);
    clock.advance(kTimeToRenew);
  }
  std::size_t plan() {
    const auto planned = notices_->plan();
    EXPECT_TRUE(planned) << base::to_string(planned.error());
    return planned.value_or(0);
  }
  /// The next CRL of that issuer and shard, good for `life` from now.
  void publish(const std::string& issuer, std::int64_t shard, base::Duration life) {
    auto amendment = office().ledger.amend().value();
    const store::CrlRow row{{issuer, shard}, ++number_, clock.now(), clock.now() + life, std::string(64, '0'), 0};
    ASSERT_TRUE(store::record_crl(amendment.rows(), row).value());
    ASSERT_TRUE(store::publish_crl(amendment.rows(), row.key, row.number, "MA==").value());
    ASSERT_TRUE(amendment.audit({admin(), "crl.published", issuer}));
    ASSERT_TRUE(amendment.commit());
  }
  std::vector<OwnMaterial> material() {
    auto rows = office().ledger.read().value();
    return list_own_material(rows, office().hierarchy, clock.now()).value();
  }
  std::string last_letter() {
    const auto letters = notices_->list({}).value();
    return letters.empty() ? "" : letters.front().body;
  }

  testing::KeptLog log;

 private:
  std::optional<Notices> notices_;
  std::int64_t number_ = 10;
};

TEST_F(OwnMaterialTest, IsTheOneOfEachIssuerThatIsOverFirst) {
  publish("uat-transport", 3, kHour * 24);
  publish("uat-transport", 5, kHour * 20);
  publish("uat-transport", 7, kHour * 22);
  std::size_t seen = 0;
  for (const OwnMaterial& one : material()) {
    if (one.issuer != "uat-transport") continue;
    ++seen;
    EXPECT_EQ(one.good_until, clock.now() + kHour * 20);
    EXPECT_EQ(one.kind, OwnMaterial::Kind::crl);
  }
  EXPECT_EQ(seen, 1U);
}

/// The root's CRL comes from a ceremony: it is told of as of certificates, with the days that are configured.
TEST_F(OwnMaterialTest, TellsOfTheRootsCrlInTime) {
  publish("partner-root", 0, kDay * 400);
  const base::Instant end = clock.now() + kDay * 400;
  for (const int days : {-60, -30, -14, -7, -1, 0, 1}) {
    clock.set(end + kDay * days);
    EXPECT_EQ(plan(), 1U) << days;
    EXPECT_EQ(plan(), 0U) << "again, " << days;
    EXPECT_NE(last_letter().find("CRL of 'partner-root'"), std::string::npos) << last_letter();
    EXPECT_NE(last_letter().find("import-crl"), std::string::npos) << last_letter();
  }
  restart();
  EXPECT_EQ(plan(), 0U) << "after a restart";
  publish("partner-root", 0, kDay * 400);
  EXPECT_EQ(plan(), 0U) << "a newer one is there";
}

/// Half of its life is over when the authority makes the next one: a quarter before its end something is wrong.
TEST_F(OwnMaterialTest, TellsOfACrlThatIsNotMadeAnew) {
  publish("uat-transport", 0, kHour * 24);
  clock.advance(kHour * 17);
  EXPECT_EQ(plan(), 0U);
  clock.advance(kHour);
  EXPECT_EQ(plan(), 1U);
  EXPECT_EQ(plan(), 0U);
  EXPECT_NE(last_letter().find("CRL of 'uat-transport'"), std::string::npos) << last_letter();
  clock.advance(kHour * 6);
  EXPECT_EQ(plan(), 1U) << "it is over";
  EXPECT_EQ(plan(), 0U);
  publish("uat-transport", 0, kHour * 24);
  EXPECT_EQ(plan(), 0U);
  clock.advance(kHour * 12);
  publish("uat-transport", 0, kHour * 24);
  clock.advance(kHour * 12);
  EXPECT_EQ(plan(), 0U) << "made anew in time";
}

/// What grew old while the authority was down is made anew first.
TEST_F(OwnMaterialTest, WaitsAfterAStart) {
  publish("uat-transport", 0, kHour * 24);
  clock.advance(kDay * 2);
  restart();  // expects nothing at its first look
  EXPECT_EQ(plan(), 1U) << "it had time enough";
}

TEST_F(OwnMaterialTest, TellsOfAResponderThatIsNotReplaced) {
  const IssuingCa* ca = office().hierarchy.find_issuing_ca("uat-transport");
  ASSERT_TRUE(office().directory.create_application(the_authority(), {ocsp_identity(), "OCSP responders", {}}));
  const auto make = [&] {
    auto csr = x509::Csr::parse(make_csr(make_key())).value();
    Order order{ocsp_identity(), trust::Purpose::ocsp, std::move(csr), the_authority()};
    order.speaks_for = ca;
    ASSERT_TRUE(office().issuance.issue_own(std::move(order)));
  };
  make();
  clock.advance(kHour * 24);
  EXPECT_EQ(plan(), 0U);
  clock.advance(kHour * 12);
  EXPECT_EQ(plan(), 1U);
  EXPECT_EQ(plan(), 0U);
  EXPECT_NE(last_letter().find("OCSP responder for 'uat-transport'"), std::string::npos) << last_letter();
  make();
  clock.advance(kHour * 13);
  EXPECT_EQ(plan(), 0U) << "the one that was told of is over, and its successor is there";
}

}  // namespace
}  // namespace countersign::authority
