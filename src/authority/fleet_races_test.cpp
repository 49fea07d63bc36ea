// Two authorities asked for the same thing at the same moment: whichever step of its work the one is at when the other
// has done the whole, one certificate comes of it, and no approval is lost.
#include "authority/enrolment/late_order_test.h"
#include "authority/issuance/recovery.h"
#include "authority/registry/audit_verification.h"
#include "authority/revocation/revocation.h"
#include "authority/several_test.h"

namespace countersign::authority {
namespace {

using testing::code_of;
using trust::Purpose;

constexpr const char* kPayments = "production:acme:payments";
constexpr const char* kProfile = "[[profiles]]\nenvironment = 'production'\npurpose = 'transport'\nlife = '30d'\n";
constexpr Step kSteps[] = {Step::after_check, Step::after_lint, Step::after_record, Step::after_sign};

class Races : public Several {
 protected:
  void SetUp() override {
    if (!testing::on_postgresql()) GTEST_SKIP() << "a file has one authority";
    policy = read_policy(std::string(kProfile) + "danger_renew_after_expiry = '7d'\n");
    Several::SetUp();
  }
  static IssuancePolicy read_policy(const std::string& profiles) {
    auto document = base::ConfigSection::parse(profiles, "test.toml").value();
    return IssuancePolicy::read(document.sections("profiles").value(), kDay * 350).value();
  }
  Held hold() {
    auto key = make_key();
    auto given = enrol(kPayments, key).value();
    return {std::move(key), std::move(given)};
  }
  Held hold_ended() {
    clock.advance(std::chrono::seconds(1));  // so that it is the last one
    Held held = hold();
    clock.set(held.issued.certificate.not_after() + std::chrono::hours(1));
    return held;
  }
  static base::Result<Issued> renew(Office& at, const Held& held, const crypto::PrivateKey& next) {
    return issued(at.enrolment.renew({.identity = identity(kPayments),
                                      .held = Purpose::transport,
                                      .wanted = Purpose::transport,
                                      .csr = x509::Csr::parse(make_csr(next)).value(),
                                      .held_fingerprint = held.issued.certificate.fingerprint()}));
  }
  int successors(const Held& held) {
    return std::stoi(raw().ask("SELECT COUNT(*) FROM certificates WHERE replaces = '" +
                               held.issued.certificate.serial().hex() + "'"));
  }
  void expect_in_order() {
    EXPECT_EQ(abandon_open_intents(office().ledger), 0U) << "an intent is left open";
    EXPECT_EQ(raw().ask("SELECT COUNT(*) FROM issuances i LEFT JOIN certificates c ON c.serial = i.serial"
                        " WHERE (i.state = 'issued') <> (c.serial IS NOT NULL)"),
              "0");
    EXPECT_EQ(verify_audit(office().ledger)->problem, "");
  }
};

TEST_F(Races, AnEndedCertificateIsRenewedOnceWhereverTheOtherIs) {
  for (const Step step : kSteps) {
    SCOPED_TRACE(name(step));
    const Held held = hold_ended();
    interrupt.at = step;
    interrupt.act = [&] { EXPECT_EQ(code_of(issued(take(office(), late_order(held, make_key())))), "ok"); };
    EXPECT_EQ(code_of(issued(take(another(), late_order(held, make_key())))), "renewal.not_last");
    EXPECT_EQ(successors(held), 1);
    expect_in_order();
  }
  const Held alone = hold_ended();
  EXPECT_EQ(code_of(issued(take(another(), late_order(alone, make_key())))), "ok") << "nobody else asks";
}

TEST_F(Races, TheSameOrderAtBothIsOneCertificate) {
  for (const Step step : kSteps) {
    SCOPED_TRACE(name(step));
    const Held held = hold_ended();
    const auto next = make_key();
    std::optional<Issued> first;
    interrupt.at = step;
    interrupt.act = [&] { first.emplace(issued(take(office(), late_order(held, next))).value()); };
    EXPECT_EQ(code_of(issued(take(another(), late_order(held, next)))), "renewal.answered");
    EXPECT_EQ(issued(take(another(), late_order(held, next)))->certificate, first->certificate) << "asked again";
    EXPECT_EQ(successors(held), 1);

    const Held living = hold();
    const auto after = make_key();
    interrupt.act = [&] { first.emplace(renew(office(), living, after).value()); };
    EXPECT_EQ(code_of(renew(another(), living, after)), "renewal.answered");
    EXPECT_EQ(renew(another(), living, after)->certificate, first->certificate) << "not ended yet, asked again";
    expect_in_order();
  }
}

TEST_F(Races, ARenewalIsNotGivenBehindTheBackOfAnother) {
  struct Row {
    const char* name;
    std::function<void(const Held&)> act;
    const char* code;
    const char* late;
  };
  const auto revoke_it = [this](const Held& held) {
    ASSERT_TRUE(revoke(office().ledger, admin(), held.issued.certificate.serial(), "superseded"));
  };
  const auto enrol_anew = [this](const Held&) { (void)hold(); };
  const auto renew_and_use = [this](const Held& held) {
    const auto next = renew(office(), held, make_key());
    ASSERT_TRUE(next);
    ASSERT_TRUE(note_seen(office().ledger, admin(), {base::to_hex(next->certificate.fingerprint())}));
  };
  const auto renew_to_the_limit = [this](const Held& held) {
    for (std::size_t i = 0; i < kMostUnusedSuccessors; ++i)
      (void)renew(office(), held, make_key());  // where it has ended, the first of them is all there is
  };
  for (const Row& row : {Row{"nothing", [](const Held&) {}, "ok", "ok"},
                         Row{"revoked", revoke_it, "certificate.revoked", "certificate.revoked"},
                         Row{"enrolled anew", enrol_anew, "ok", "renewal.not_last"},
                         Row{"renewed and used", renew_and_use, "renewal.superseded", "renewal.not_last"},
                         Row{"renewed too often", renew_to_the_limit, "renewal.too_many", "renewal.not_last"}})
    for (const Step step : {Step::after_lint, Step::after_sign}) {
      SCOPED_TRACE(std::string(row.name) + " " + std::string(name(step)));
      const Held living = hold();
      interrupt.at = step;
      interrupt.act = [&] { row.act(living); };
      EXPECT_EQ(code_of(renew(another(), living, make_key())), row.code);
      const Held ended = hold_ended();
      interrupt.act = [&] { row.act(ended); };
      EXPECT_EQ(code_of(issued(take(another(), late_order(ended, make_key())))), row.late);
      expect_in_order();
    }
}

/// Approvals, with one of the two authorities dead at each step of spending one.
class ApprovalRaces : public Races {
 protected:
  void SetUp() override {
    if (!testing::on_postgresql()) GTEST_SKIP() << "a file has one authority";
    policy = read_policy(std::string(kProfile) + "approvals = 2\n");
    Several::SetUp();
    for (const char* name : {"alice", "bob"})
      add_operator(office().ledger, name, {Role::approver});
  }
  std::string open(const std::string& code, const crypto::PrivateKey& key) {
    const auto outcome = ask(code, key);
    EXPECT_TRUE(outcome) << base::to_string(outcome.error());
    return std::get<Pending>(*outcome).request;
  }
  static base::Result<KnownRequest> approve(Office& at, const std::string& who, const std::string& request) {
    const auto known = at.approvals.find(request).value();
    return at.approvals.approve({identity("internal:operator:" + who), request, known.row.content_sha256, ""});
  }
  std::string certificates_of(const crypto::PrivateKey& key) {
    return raw().ask("SELECT COUNT(*) FROM certificates WHERE spki_sha256 = '" +
                     base::to_hex(key.public_key().spki_sha256()) + "'");
  }
};

TEST_F(ApprovalRaces, WhatTheDeadWasSpendingTheOtherSpends) {
  for (const Step step :
       {Step::after_check, Step::after_lint, Step::after_record, Step::after_sign, Step::after_publish}) {
    SCOPED_TRACE(name(step));
    const auto key = make_key();
    const std::string code = make_code(kPayments);
    const std::string request = open(code, key);
    ASSERT_TRUE(approve(another(), "alice", request));
    ASSERT_TRUE(approve(office(), "bob", request));
    observer.stop_at = step;  // from here on office() is as dead
    EXPECT_EQ(code_of(redeem(code, key)), "test.crash");
    observer.stop_at.reset();
    const auto given = redeem_at_another(code, key);
    ASSERT_TRUE(given) << "without waiting until the dead is missed: " << base::to_string(given.error());
    EXPECT_EQ(another().approvals.find(request)->state, "issued");
    EXPECT_EQ(certificates_of(key), "1");
    ASSERT_TRUE(abandon_open_intents(another().ledger));
    expect_in_order();
  }
}

TEST_F(ApprovalRaces, OneApprovalIsOneCertificateWhoeverSpendsIt) {
  for (const Step step : kSteps) {
    SCOPED_TRACE(name(step));
    const auto key = make_key();
    const std::string code = make_code(kPayments);
    const std::string request = open(code, key);
    ASSERT_TRUE(approve(office(), "alice", request));
    ASSERT_TRUE(approve(another(), "bob", request));
    std::optional<Issued> first;
    interrupt.at = step;
    interrupt.act = [&] { first.emplace(redeem(code, key).value()); };
    EXPECT_FALSE(redeem_at_another(code, key));
    EXPECT_EQ(redeem_at_another(code, key)->certificate, first->certificate) << "asked again";
    EXPECT_EQ(certificates_of(key), "1");
    expect_in_order();
  }
}

TEST_F(ApprovalRaces, WordsGivenAtBothCountTogether) {
  const auto key = make_key();
  const std::string code = make_code(kPayments);
  const std::string request = open(code, key);
  ASSERT_TRUE(approve(office(), "alice", request));
  ASSERT_TRUE(approve(another(), "alice", request));
  EXPECT_EQ(code_of(redeem_at_another(code, key)), "test.pending") << "one person counts once, wherever";
  interrupt.at = Step::after_check;  // asked while the second word is given at the other
  interrupt.act = [&] { ASSERT_TRUE(approve(office(), "bob", request)); };
  const auto given = redeem_at_another(code, key);
  ASSERT_TRUE(given) << base::to_string(given.error());
  EXPECT_EQ(certificates_of(key), "1");
}

}  // namespace
}  // namespace countersign::authority
