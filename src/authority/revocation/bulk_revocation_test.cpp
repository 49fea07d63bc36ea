// Revocation of many: what was looked at is what ends, all of it or none.
#include "authority/revocation/bulk_revocation.h"

#include "authority/fixture_test.h"

namespace countersign::authority {
namespace {

using testing::code_of;
using trust::Purpose;

class EndingMany : public AuthorityTest {
 protected:
  void SetUp() override {
    AuthorityTest::SetUp();
    add_application("production:acme:cards");
    add_application("production:other:payments");
    payments = enrol("production:acme:payments", key).value();
    clock.advance(std::chrono::hours(1));
    signing = enrol("production:acme:payments", make_key(), Purpose::signing).value();
    cards = enrol("production:acme:cards", make_key()).value();
    other = enrol("production:other:payments", make_key()).value();
  }
  std::size_t planned(const RevocationOrder& order) {
    const auto plan = plan_revocation(office().ledger, order);
    EXPECT_TRUE(plan) << base::to_string(plan.error());
    return plan ? plan->certificates.size() : 0;
  }
  base::Result<RevocationPlan> carry_out(const RevocationOrder& order) {
    const auto plan = plan_revocation(office().ledger, order);
    EXPECT_TRUE(plan);
    return revoke_as_planned(office().ledger, admin(), order, plan->plan_sha256);
  }
  bool is_revoked(const Issued& one) {
    return office().view.certificate(one.certificate.fingerprint())->revoked_for.has_value();
  }
  static RevocationOrder of(std::string environment, std::string organisation, std::string application = "") {
    return {.selection = {.of = {std::move(environment), std::move(organisation), std::move(application)},
                          .spki_sha256 = ""},
            .reason = "privilege_withdrawn"};
  }

  crypto::PrivateKey key = make_key();
  std::optional<Issued> payments, signing, cards, other;
};

TEST_F(EndingMany, SelectsWhatIsMeant) {
  struct Row {
    const char* name;
    RevocationOrder order;
    std::size_t count;
  };
  RevocationOrder early = of("production", "");
  early.selection.issued_until = kNow;
  RevocationOrder late = of("production", "");
  late.selection.issued_from = kNow + base::Duration(1);
  RevocationOrder of_key{.selection = {.of = {}, .spki_sha256 = base::to_hex(key.public_key().spki_sha256())},
                         .reason = "superseded"};
  const Row rows[] = {
      {"an organisation", of("", "acme"), 3},
      {"an application", of("production", "acme", "payments"), 2},
      {"an environment without any", of("uat", ""), 0},
      {"all of production", of("production", ""), 4},
      {"issued until", early, 1},
      {"issued from", late, 3},
      {"a key", of_key, 1},
      {"serials", {.serials = {payments->certificate.serial().hex()}, .reason = "superseded"}, 1},
      {"the same serial twice",
       {.serials = {payments->certificate.serial().hex(), payments->certificate.serial().hex()},
        .reason = "superseded"},
       1},
  };
  for (const Row& row : rows)
    EXPECT_EQ(planned(row.order), row.count) << row.name;
  EXPECT_EQ(raw().ask("SELECT COUNT(*) FROM certificates WHERE revoked_at IS NOT NULL"), "0")
      << "a look changes nothing";
}

TEST_F(EndingMany, RefusesWhatSaysTooLittle) {
  struct Row {
    const char* name;
    RevocationOrder order;
    const char* code;
  };
  for (const Row& row : {Row{"nothing", {.reason = "superseded"}, "revocation.nothing_said"},
                         Row{"an organisation", of("", "acme"), "ok"},
                         Row{"unknown reason", {.serials = {"01"}, .reason = "bored"}, "reason.unknown"},
                         Row{"unknown serial", {.serials = {"01"}, .reason = "superseded"}, "certificate.unknown"},
                         Row{"no serial", {.serials = {"xyz"}, .reason = "superseded"}, "serial.invalid"}})
    EXPECT_EQ(code_of(plan_revocation(office().ledger, row.order)), row.code) << row.name;
}

TEST_F(EndingMany, EndsExactlyWhatWasLookedAt) {
  const RevocationOrder order = of("", "acme");
  const auto plan = plan_revocation(office().ledger, order);
  ASSERT_TRUE(plan);
  const auto later = enrol("production:acme:cards", make_key());
  ASSERT_TRUE(later);
  EXPECT_EQ(code_of(revoke_as_planned(office().ledger, admin(), order, plan->plan_sha256)), "revocation.changed");
  EXPECT_FALSE(is_revoked(*payments));
  ASSERT_TRUE(carry_out(order));
  for (const Issued& one : {*payments, *signing, *cards, *later})
    EXPECT_TRUE(is_revoked(one));
  EXPECT_FALSE(is_revoked(*other)) << "only those of the affected identity";
  EXPECT_EQ(planned(order), 0U) << "nothing is left to end";
  EXPECT_EQ(raw().ask("SELECT COUNT(*) FROM audit WHERE action = 'certificate.revoked'"), "4");
}

TEST_F(EndingMany, IsAllOrNothing) {
  ASSERT_TRUE(enrol("internal:operator:admin", make_key(), Purpose::service));
  const RevocationOrder order = of("", "");
  RevocationOrder everything = order;
  everything.selection.issued_from = kNow - kDay * 9;
  EXPECT_EQ(code_of(carry_out(everything)), "operator.last");
  EXPECT_FALSE(is_revoked(*payments));
}

TEST_F(EndingMany, ACompromisedKeyTakesItsOtherCertificatesAlong) {
  const auto again = enrol("production:acme:payments", key);
  ASSERT_TRUE(again);
  RevocationOrder order{.serials = {payments->certificate.serial().hex()}, .reason = "superseded"};
  EXPECT_EQ(planned(order), 1U);
  order.reason = "key_compromise";
  EXPECT_EQ(planned(order), 2U);
  ASSERT_TRUE(carry_out(order));
  EXPECT_TRUE(is_revoked(*again));
  EXPECT_EQ(code_of(enrol("production:acme:payments", key)), "key.compromised");
}

TEST_F(EndingMany, HoldersEndTheirOwnForReasonsOfTheirs) {
  const auto own = [&](const Issued& one, const char* reason) {
    return code_of(revoke_own(office().ledger, identity("production:acme:payments"), one.certificate.serial(), reason));
  };
  EXPECT_EQ(own(*other, "superseded"), "certificate.not_yours");
  EXPECT_EQ(own(*cards, "superseded"), "certificate.not_yours");
  EXPECT_EQ(own(*payments, "privilege_withdrawn"), "reason.unknown");
  EXPECT_EQ(own(*payments, "key_compromise"), "ok");
  EXPECT_EQ(own(*signing, "cessation_of_operation"), "ok");
}

}  // namespace
}  // namespace countersign::authority
