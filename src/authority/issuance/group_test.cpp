// Several orders that go their way together: law 1 holds for each, and what fails, fails for one.
#include <algorithm>
#include <set>

#include "authority/fixture_test.h"
#include "authority/issuance/issuance.h"
#include "authority/issuance/recovery.h"
#include "authority/registry/rows.h"
#include "authority/transparency/certificate_log.h"

namespace countersign::authority {
namespace {

using testing::code_of;
using trust::Purpose;

constexpr std::size_t kOrders = 3;

/// Signs as told, but for what it is told to do to one of the permits.
class WatchedSigner final : public CertificateSigner {
 public:
  enum class Fault { none, fails, other_key };
  explicit WatchedSigner(std::filesystem::path registry) : registry_(std::move(registry)) {}
  base::Result<x509::Certificate> sign(SigningPermit permit) override {
    testing::RawRegistry raw(registry_);
    if (calls == 0) intents = raw.ask("SELECT COUNT(*) FROM issuances WHERE state = 'recorded'");
    if (calls == 0) audited = raw.ask("SELECT COUNT(*) FROM audit WHERE action = 'issuance.recorded'");
    certificates = raw.ask("SELECT COUNT(*) FROM certificates");
    if (calls++ != faulty_call || fault == Fault::none)
      return EstablishedData::shared().signer().sign(std::move(permit));
    SigningPermit::Content content = std::move(permit).spend();
    if (fault == Fault::fails) return base::fail(base::Kind::unavailable, "signer.failed", "not this one");
    BASE_TRY(const auto signature, other_.sign(content.tbs.der));
    return content.linted.with_signature(signature);
  }
  Fault fault = Fault::none;
  int faulty_call = 1;
  int calls = 0;
  std::string intents;
  std::string audited;
  std::string certificates;

 private:
  std::filesystem::path registry_;
  crypto::PrivateKey other_ = crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256).value();
};

class Group : public AuthorityTest {
 protected:
  void SetUp() override {
    AuthorityTest::SetUp();
    watched_ = std::make_unique<WatchedSigner>(DataFolder(data()).registry());
    signer = watched_.get();
    reopen();
  }
  WatchedSigner& watched() { return *watched_; }

  /// Orders with a code of their own each.
  void make_orders() {
    for (std::size_t i = 0; i < kOrders; ++i) {
      keys.push_back(make_key());
      codes.push_back(make_code("production:acme:payments", {Purpose::transport}));
    }
    look_up();
  }
  void look_up() {
    orders.clear();
    for (std::size_t i = 0; i < kOrders; ++i) {
      const std::string csr = make_csr(keys[i]);
      auto found = office().enrolment.look_up(Redemption{codes[i], Purpose::transport, csr});
      ASSERT_TRUE(found) << base::to_string(found.error());
      orders.push_back(std::get<Order>(std::move(*found)));
    }
  }
  /// "ok", or the code of the error, of each.
  std::vector<std::string> issue() {
    std::vector<const Order*> pointers;
    for (const Order& order : orders)
      pointers.push_back(&order);
    std::vector<std::string> ends;
    for (const auto& outcome : office().issuance.issue(pointers))
      ends.emplace_back(code_of(outcome));
    return ends;
  }
  std::string count(const std::string& what) { return raw().ask("SELECT COUNT(*) FROM " + what); }

  std::vector<crypto::PrivateKey> keys;
  std::vector<std::string> codes;
  std::vector<Order> orders;

 private:
  std::unique_ptr<WatchedSigner> watched_;
};

using Ends = std::vector<std::string>;

TEST_F(Group, IsRecordedAndAuditedAsAWholeBeforeTheFirstSignature) {
  make_orders();
  EXPECT_EQ(issue(), Ends({"ok", "ok", "ok"}));
  EXPECT_EQ(watched().intents, "3");
  EXPECT_EQ(watched().audited, count("audit WHERE action = 'issuance.recorded'"));
  EXPECT_EQ(watched().certificates, "0") << "none before the last was signed";
  EXPECT_EQ(count("issuances WHERE state = 'issued'"), "3");
  EXPECT_EQ(count("certificates WHERE serial NOT IN (SELECT serial FROM issuances)"), "0");
}

TEST_F(Group, TakesOneAmendmentForEachStep) {
  make_orders();
  const std::size_t published = office().listener.count;
  const std::string before = raw().ask("SELECT MAX(sequence) FROM audit");
  EXPECT_EQ(issue(), Ends({"ok", "ok", "ok"}));
  EXPECT_EQ(office().listener.count, published + 1);
  const std::string after = " AND sequence > " + before;
  EXPECT_EQ(raw().ask("SELECT MAX(sequence) - " + before + " FROM audit WHERE action = 'issuance.recorded'"), "3");
  EXPECT_EQ(count("audit WHERE action = 'certificate.issued'" + after), "3");
  auto rows = office().ledger.read().value();
  EXPECT_TRUE(verify_audit(rows, office().ledger.seal()));
  EXPECT_EQ(log_head(rows)->size, 3U);
}

TEST_F(Group, LogsEachCertificateSoThatItCanBeProved) {
  std::vector<x509::Certificate> logged;
  for (int round = 0; round < 4; ++round) {  // 3, 6, 9 and 12 leaves: trees of every shape
    keys.clear();
    codes.clear();
    make_orders();
    std::vector<const Order*> pointers;
    for (const Order& order : orders)
      pointers.push_back(&order);
    for (auto& outcome : office().issuance.issue(pointers))
      logged.push_back(std::get<Issued>(*outcome).certificate);
  }
  auto rows = office().ledger.read().value();
  for (const x509::Certificate& certificate : logged) {
    const auto proof = prove_inclusion(rows, certificate.serial().hex());
    ASSERT_TRUE(proof) << base::to_string(proof.error());
    const crypto::merkle::Inclusion claim{crypto::merkle::leaf_hash(certificate.der()), proof->number, proof->head.size,
                                          proof->head.root};
    EXPECT_TRUE(crypto::merkle::verify_inclusion(claim, proof->path));
  }
}

TEST_F(Group, FailsAloneWhoseCodeWasSpentMeanwhile) {
  make_orders();
  ASSERT_TRUE(redeem(codes[1], make_key()));  // by somebody else, with another key
  EXPECT_EQ(issue(), Ends({"ok", "code.used", "ok"}));
  EXPECT_EQ(count("issuances WHERE state = 'issued'"), "3") << "that one, and these two";
  EXPECT_EQ(count("issuances"), "3") << "nothing of the one that failed";
}

TEST_F(Group, FailsAloneWhatIsNotAllowedAnyMore) {
  make_orders();
  ASSERT_TRUE(raw().run("UPDATE enrolment_codes SET cancelled_at = 1 WHERE code_sha256 = '" +
                        EnrolmentCode::parse(codes[0])->sha256() + "'"));
  EXPECT_EQ(issue(), Ends({"code.cancelled", "ok", "ok"}));
}

TEST_F(Group, FailsAloneWhatTheSignerCannotSign) {
  make_orders();
  watched().fault = WatchedSigner::Fault::fails;
  EXPECT_EQ(issue(), Ends({"ok", "signer.failed", "ok"}));
  EXPECT_EQ(count("issuances WHERE state = 'issued'"), "2");
  EXPECT_EQ(count("issuances WHERE state = 'abandoned'"), "1");
}

TEST_F(Group, FailsAloneWhatAFaultySignerMade) {
  make_orders();
  watched().fault = WatchedSigner::Fault::other_key;
  EXPECT_EQ(issue(), Ends({"ok", "signer.faulty", "ok"}));
  EXPECT_EQ(count("certificates"), "2");
}

TEST_F(Group, IsNotSignedWhenTheAuditLogTakesNoRecords) {
  make_orders();
  ASSERT_TRUE(raw().refuse_audit("issuance.recorded"));
  for (const std::string& end : issue())
    EXPECT_NE(end, "ok");
  EXPECT_EQ(watched().calls, 0);
  EXPECT_EQ(count("issuances"), "0");
  ASSERT_TRUE(raw().take_audit());
  ASSERT_TRUE(raw().refuse_audit("certificate.issued"));
  const std::size_t published = office().listener.count;
  for (const std::string& end : issue())
    EXPECT_NE(end, "ok");
  EXPECT_EQ(count("certificates"), "0");
  EXPECT_EQ(office().listener.count, published) << "nobody was told";
  ASSERT_TRUE(raw().take_audit());
  look_up();
  EXPECT_EQ(issue(), Ends({"ok", "ok", "ok"}));
}

struct CrashRow {
  Step step;
  std::size_t let_pass;      ///< orders that pass that step before the crash
  std::string intents;       ///< on disk after it
  std::string certificates;  ///< on disk after it
};

class GroupCrash : public Group, public ::testing::WithParamInterface<CrashRow> {};

/// A crash is the same for all that have not passed that step: here the others are held up there, too.
TEST_P(GroupCrash, LeavesWhatARetryCompletes) {
  const CrashRow& row = GetParam();
  make_orders();
  observer.stop_at = row.step;
  observer.let_pass = static_cast<int>(row.let_pass);
  (void)issue();
  observer.stop_at.reset();
  reopen();
  EXPECT_EQ(count("issuances"), row.intents);
  EXPECT_EQ(count("certificates"), row.certificates);
  EXPECT_EQ(count("certificates WHERE serial NOT IN (SELECT serial FROM issuances)"), "0");
  ASSERT_TRUE(abandon_open_intents(office().ledger));
  for (std::size_t i = 0; i < kOrders; ++i)
    EXPECT_EQ(code_of(redeem(codes[i], keys[i])), "ok");
  EXPECT_EQ(count("certificates"), "3") << "one for each, whatever the crash left";
  EXPECT_EQ(count("issuances WHERE state = 'recorded'"), "0");
  EXPECT_EQ(raw().ask("SELECT COUNT(DISTINCT serial) FROM certificates"), "3");
}

INSTANTIATE_TEST_SUITE_P(
    Steps, GroupCrash,
    ::testing::Values(CrashRow{Step::after_check, 1, "1", "1"}, CrashRow{Step::after_lint, 1, "1", "1"},
                      CrashRow{Step::after_record, 0, "3", "0"}, CrashRow{Step::after_record, 1, "3", "1"},
                      CrashRow{Step::after_sign, 0, "3", "0"}, CrashRow{Step::after_sign, 2, "3", "2"},
                      CrashRow{Step::after_publish, 0, "3", "3"}, CrashRow{Step::after_publish, 2, "3", "3"}),
    [](const auto& row) { return std::string(name(row.param.step)) + "_" + std::to_string(row.param.let_pass); });

TEST_F(Group, ClaimsTellWhichOrdersMustNotMeet) {
  make_orders();
  const auto meets = [](const Order& a, const Order& b) {
    const auto one = claims_of(a);
    const std::set<std::string> claims(one.begin(), one.end());
    return std::ranges::any_of(claims_of(b), [&](const auto& claim) { return claims.contains(claim); });
  };
  const Order& first = orders[0];
  Order other = orders[1];
  EXPECT_FALSE(meets(first, other));
  other.code_sha256 = first.code_sha256;
  EXPECT_TRUE(meets(first, other)) << "one redemption";
  other.purpose = Purpose::signing;
  EXPECT_FALSE(meets(first, other)) << "another purpose of the code";
  Order successor = first;
  successor.replaces = other.replaces = "0a";
  successor.csr = orders[2].csr;
  EXPECT_TRUE(meets(successor, other)) << "both renew one certificate";
  other.replaces = "0b";
  EXPECT_FALSE(meets(successor, other));
  other.csr = successor.csr;
  EXPECT_TRUE(meets(successor, other)) << "one key";
}

}  // namespace
}  // namespace countersign::authority
