// Law 1 for CRLs: no signature without a durable number, no number twice; and which certificates stand in them.
#include "authority/status/crl_publisher.h"

#include "authority/fixture_test.h"
#include "authority/revocation/revocation.h"
#include "store/crls.h"

namespace countersign::authority {
namespace {

using testing::code_of;
using trust::Purpose;

constexpr base::Duration kSecond = std::chrono::seconds(1);

class CrlPublishing : public AuthorityTest {
 protected:
  void SetUp() override {
    AuthorityTest::SetUp();
    open();
  }
  /// As after a restart.
  void open(const std::string& url = "http://pki.example") {
    publisher_.reset();
    reopen();
    publisher_ = std::make_unique<CrlPublisher>(office().ledger, office().hierarchy, *signer, observer);
    ASSERT_TRUE(publisher_->open(StatusUrls::parse(url).value()));
  }
  void TearDown() override { publisher_.reset(); }
  CrlPublisher& publisher() { return *publisher_; }
  std::size_t publish_all() {
    std::size_t all = 0;
    for (;;) {
      const auto made = publisher().publish_due();
      EXPECT_TRUE(made) << base::to_string(made.error());
      if (!made || *made == 0) return all;
      all += *made;
    }
  }
  x509::Crl crl(const CrlName& name) {
    return x509::Crl::from_der(base::as_bytes(*publisher().served().at(name).der)).value();
  }
  struct Revoked {
    x509::Certificate certificate;
    CrlName crl;
  };
  Revoked enrol_one() {
    const auto issued = enrol("production:acme:payments", make_key());
    EXPECT_TRUE(issued) << base::to_string(issued.error());
    return {issued->certificate, {issued->issuer->name, crl_shard_of(issued->certificate.serial(), 64)}};
  }
  void revoke_it(const Revoked& one, const std::string& reason = "superseded") {
    ASSERT_TRUE(revoke(office().ledger, admin(), one.certificate.serial(), reason));
    publisher().note_revocation(one.crl, ++sequence_);
  }

 private:
  std::unique_ptr<CrlPublisher> publisher_;
  std::uint64_t sequence_ = 1'000'000;  ///< behind all that the fixture did
};

TEST_F(CrlPublishing, MakesEveryShardOfEveryIssuingCaAtFirst) {
  EXPECT_EQ(publish_all(), office().hierarchy.issuing_cas().size() * 64);
  for (const IssuingCa& ca : office().hierarchy.issuing_cas())
    for (const std::uint32_t shard : {0U, 63U}) {
      const x509::Crl made = crl({ca.name, shard});
      EXPECT_TRUE(made.is_signed_by(ca.certificate.public_key()));
      EXPECT_EQ(made.number(), 1U);
      EXPECT_EQ(made.this_update(), kNow);
      EXPECT_EQ(made.next_update(), kNow + kCrlLife);
      EXPECT_EQ(made.distribution_point()->names.urls,
                std::vector<std::string>{"http://pki.example/crl/" + ca.name + "-" + std::to_string(shard) + ".crl"});
    }
  EXPECT_EQ(publish_all(), 0U) << "nothing is due any more";
}

TEST_F(CrlPublishing, TheRootsCrlsAreThereFromTheFirstRun) {
  for (const Root root : {Root::partner, Root::provider}) {
    const x509::Crl made = crl({std::string(name(root)) + "-root", 0});
    EXPECT_TRUE(made.is_signed_by(office().hierarchy.root(root).public_key()));
    EXPECT_EQ(made.distribution_point()->scope, x509::CrlScope::ca_certificates);
    EXPECT_GT(made.next_update(), kNow + kDay * 3600);
  }
}

TEST_F(CrlPublishing, ListsTheRevokedInItsOwnShardWithItsReason) {
  publish_all();
  const struct {
    const char* reason;
    x509::CrlReason expected;
  } rows[] = {{"unspecified", x509::CrlReason::unspecified},
              {"key_compromise", x509::CrlReason::key_compromise},
              {"affiliation_changed", x509::CrlReason::affiliation_changed},
              {"superseded", x509::CrlReason::superseded},
              {"cessation_of_operation", x509::CrlReason::cessation_of_operation},
              {"privilege_withdrawn", x509::CrlReason::privilege_withdrawn}};
  for (const auto& row : rows) {
    const Revoked one = enrol_one();
    clock.advance(kSecond);
    revoke_it(one, row.reason);
    EXPECT_EQ(publish_all(), 1U) << row.reason;
    const x509::Crl made = crl(one.crl);
    const x509::RevokedCertificate* entry = made.find(one.certificate.serial());
    ASSERT_NE(entry, nullptr) << row.reason;
    EXPECT_EQ(entry->reason, row.expected);
    EXPECT_EQ(entry->revoked_at, clock.now());
    EXPECT_EQ(one.certificate.crl_distribution_points().urls, made.distribution_point()->names.urls);
  }
}

TEST_F(CrlPublishing, IsMadeAnewAfterHalfOfItsLife) {
  publish_all();
  clock.advance(kCrlRenewal - kSecond);
  EXPECT_EQ(publish_all(), 0U);
  clock.advance(kSecond);
  EXPECT_EQ(publish_all(), 8U * 64);
  EXPECT_EQ(crl({"internal", 5}).number(), 2U);
}

TEST_F(CrlPublishing, NumbersAndTimesRiseWhateverTheClockSays) {
  const Revoked one = enrol_one();
  publish_all();
  base::Instant last = kNow;
  std::uint64_t number = 1;
  const base::Duration jumps[] = {base::Duration(0), kSecond, -kDay, kDay * 2, -kSecond};
  for (const base::Duration jump : jumps) {
    clock.advance(jump);
    publisher().note_revocation(one.crl, 2'000'000 + number);
    ASSERT_TRUE(publisher().publish_due());
    const x509::Crl made = crl(one.crl);
    EXPECT_EQ(made.number(), ++number);
    EXPECT_GE(made.this_update(), last + kSecond);
    last = made.this_update();
  }
}

TEST_F(CrlPublishing, RiseGoesOnAfterARestart) {
  const Revoked one = enrol_one();
  publish_all();
  open();
  EXPECT_EQ(publish_all(), 0U) << "those of before are still good";
  revoke_it(one);
  publish_all();
  EXPECT_EQ(crl(one.crl).number(), 2U);
}

TEST_F(CrlPublishing, ACrashAtAnyStepBurnsANumberAndLosesNothing) {
  const Revoked one = enrol_one();
  publish_all();
  std::uint64_t number = 1;
  for (const Step step : {Step::after_crl_record, Step::after_crl_sign}) {
    revoke_it(one, "key_compromise");
    observer.stop_at = step;
    EXPECT_EQ(code_of(publisher().publish_due()), "test.crash") << name(step);
    observer.stop_at.reset();
    open();
    EXPECT_EQ(crl(one.crl).number(), number) << "the one of before is still served";
    EXPECT_EQ(publish_all(), 1U) << name(step);
    number += 2;
    EXPECT_EQ(crl(one.crl).number(), number);
    EXPECT_NE(crl(one.crl).find(one.certificate.serial()), nullptr);
    clock.advance(kSecond);
  }
}

/// Signs as told, after a look at what is on disk at that moment.
class WatchingSigner final : public CertificateSigner {
 public:
  explicit WatchingSigner(std::filesystem::path registry) : registry_(std::move(registry)) {}
  base::Result<x509::Certificate> sign(SigningPermit permit) override {
    return EstablishedData::shared().signer().sign(std::move(permit));
  }
  base::Result<base::Bytes> sign_crl(CrlPermit permit) override {
    CrlPermit::Content content = std::move(permit).spend();
    testing::RawRegistry raw(registry_);
    const std::string digest = base::to_hex(crypto::sha256(content.tbs.der));
    if (raw.ask("SELECT COUNT(*) FROM crls WHERE tbs_sha256 = '" + digest + "'") == "1") ++recorded;
    ++calls;
    return base::Bytes(64, 1);
  }
  int calls = 0;
  int recorded = 0;

 private:
  std::filesystem::path registry_;
};

TEST_F(CrlPublishing, NothingIsSignedBeforeItsNumberIsDurable) {
  WatchingSigner watching(DataFolder(data()).registry());
  signer = &watching;
  open();
  EXPECT_EQ(code_of(publisher().publish_due()), "signer.faulty") << "its signatures are none";
  EXPECT_EQ(watching.calls, 64);
  EXPECT_EQ(watching.recorded, 64);
  EXPECT_EQ(raw().ask("SELECT COUNT(*) FROM crls WHERE published_number IS NOT NULL AND issuer NOT LIKE '%-root'"),
            "0");
}

TEST_F(CrlPublishing, NothingIsSignedThatCannotBeAudited) {
  WatchingSigner watching(DataFolder(data()).registry());
  signer = &watching;
  open();
  ASSERT_TRUE(raw().refuse_audit());
  EXPECT_FALSE(publisher().publish_due());
  EXPECT_EQ(watching.calls, 0);
  EXPECT_EQ(raw().ask("SELECT COUNT(*) FROM crls WHERE issuer NOT LIKE '%-root'"), "0");
}

static_assert(!std::is_constructible_v<CrlPermit, CrlPermit::Content> && !std::is_default_constructible_v<CrlPermit> &&
                  !std::is_copy_constructible_v<CrlPermit>,
              "law 3: a permit comes of recording alone");

TEST_F(CrlPublishing, APermitIsSpentOnce) {
  const IssuingCa& ca = office().hierarchy.issuing_cas().front();
  auto recorded = record_crls(office().ledger, {{&ca, 0}}, {"http://pki.example"});
  ASSERT_TRUE(recorded) << base::to_string(recorded.error());
  CrlPermit moved = std::move(recorded->front().permit);
  EXPECT_DEATH(std::move(recorded->front().permit).spend(), "content_");
  (void)std::move(moved).spend();
  EXPECT_DEATH(std::move(moved).spend(), "content_");  // NOLINT(bugprone-use-after-move): the point of the test
}

TEST_F(CrlPublishing, WhoHasEndedLeavesOneCrlAfterItsEnd) {
  const Revoked one = enrol_one();
  revoke_it(one);
  publish_all();
  const auto is_listed = [&] { return crl(one.crl).find(one.certificate.serial()) != nullptr; };
  const base::Instant end = one.certificate.not_after();
  clock.set(end - kSecond);
  publish_all();
  EXPECT_TRUE(is_listed());
  clock.set(end + kSecond);
  publisher().note_revocation(one.crl, 3'000'000);
  publish_all();
  EXPECT_TRUE(is_listed()) << "the first CRL after the end, though not a scheduled one";
  clock.set(end + kCrlRenewal);
  publish_all();
  EXPECT_TRUE(is_listed()) << "the first scheduled one";
  clock.advance(kCrlRenewal);
  publish_all();
  EXPECT_FALSE(is_listed());
}

TEST_F(CrlPublishing, WhoEndedWhileNobodyWasThereIsListedOnceMore) {
  const Revoked one = enrol_one();
  revoke_it(one);
  publish_all();
  clock.set(one.certificate.not_after() + kDay * 30);
  publish_all();
  EXPECT_NE(crl(one.crl).find(one.certificate.serial()), nullptr);
  clock.advance(kCrlRenewal);
  publish_all();
  EXPECT_EQ(crl(one.crl).find(one.certificate.serial()), nullptr);
}

TEST_F(CrlPublishing, WhoEndedByAClockThatWasAheadIsListedAgain) {
  const Revoked one = enrol_one();
  revoke_it(one);
  publish_all();
  EXPECT_EQ(publisher().date_ahead_of(clock.now()), std::nullopt);
  const base::Instant ahead = one.certificate.not_after() + kDay * 30;
  clock.set(ahead);
  publish_all();
  clock.advance(kCrlRenewal);
  publish_all();
  ASSERT_EQ(crl(one.crl).find(one.certificate.serial()), nullptr);
  EXPECT_EQ(publisher().date_ahead_of(clock.now()), std::nullopt);

  clock.set(kNow + kSecond);
  EXPECT_EQ(publish_all(), 0U) << "age makes none due";
  EXPECT_EQ(publisher().date_ahead_of(clock.now()), ahead + kCrlRenewal);
  publisher().note_revocation(one.crl, 4'000'000);
  EXPECT_EQ(publish_all(), 1U);
  EXPECT_NE(crl(one.crl).find(one.certificate.serial()), nullptr);
  EXPECT_EQ(crl(one.crl).this_update(), ahead + kCrlRenewal + kSecond);
}

TEST_F(CrlPublishing, AnAddressOfBeforeIsStillNamed) {
  publish_all();
  clock.advance(kSecond);
  open("http://new.example");
  EXPECT_EQ(publish_all(), 8U * 64) << "certificates name the new address from now on";
  EXPECT_EQ(
      crl({"internal", 9}).distribution_point()->names.urls,
      (std::vector<std::string>{"http://new.example/crl/internal-9.crl", "http://pki.example/crl/internal-9.crl"}));
}

TEST_F(CrlPublishing, CertificatesOfBeforeThereWereCrlsAreListedToo) {
  const Revoked one = enrol_one();
  revoke_it(one);
  ASSERT_TRUE(raw().run("UPDATE certificates SET crl_shard = NULL"));
  open();
  publish_all();
  EXPECT_NE(crl(one.crl).find(one.certificate.serial()), nullptr);
  EXPECT_EQ(raw().ask("SELECT COUNT(*) FROM certificates WHERE crl_shard IS NULL"), "0");
}

}  // namespace
}  // namespace countersign::authority
