// Who gets a certificate for a code, and who gets none: each rule with what it lets pass one change away.
#include "authority/enrolment/enrolment.h"

#include <functional>

#include "authority/fixture_test.h"
#include "authority/revocation/revocation.h"
#include "base/files.h"
#include "testing/ca.h"

namespace countersign::authority {
namespace {

using testing::code_of;
using trust::Purpose;

class Enrolling : public AuthorityTest {
 protected:
  base::Result<Issued> redeem_text(std::string_view code, std::string_view csr, Purpose purpose = Purpose::transport) {
    return issued(office().enrolment.redeem({code, purpose, csr}));
  }
};

TEST_F(Enrolling, RetryGivesTheSameCertificate) {
  const auto key = make_key();
  const std::string code = make_code(kPayments);
  const auto first = redeem(code, key);
  ASSERT_TRUE(first);
  EXPECT_EQ(redeem(code, key)->certificate, first->certificate);
  reopen();
  EXPECT_EQ(redeem(code, key)->certificate, first->certificate);
  clock.advance(kDay * 2);
  EXPECT_EQ(redeem(code, key)->certificate, first->certificate) << "the code has ended, but this is no new certificate";
  EXPECT_EQ(code_of(redeem(code, make_key())), "code.used");
  EXPECT_EQ(raw().ask("SELECT COUNT(*) FROM certificates"), "1");
}

TEST_F(Enrolling, PurposesAreRedeemedEachOnce) {
  const std::string code = make_code(kPayments);
  EXPECT_EQ(code_of(redeem(code, make_key(), Purpose::transport)), "ok");
  EXPECT_EQ(code_of(redeem(code, make_key(), Purpose::signing)), "ok");
  EXPECT_EQ(code_of(redeem(code, make_key(), Purpose::signing)), "code.used");
  EXPECT_EQ(code_of(redeem(make_code(kPayments, {Purpose::transport}), make_key(), Purpose::signing)),
            "code.other_purpose");
}

TEST_F(Enrolling, CodeEndsWithItsLife) {
  const auto code = office().enrolment.create_code(admin(), {identity(kPayments), {}, std::chrono::hours(1)});
  ASSERT_TRUE(code);
  EXPECT_EQ(code->expires, kNow + std::chrono::hours(1));
  const std::string text(code->code.text().reveal_text());
  const auto key = make_key();
  clock.set(code->expires);
  EXPECT_EQ(code_of(redeem(text, key)), "code.expired");
  clock.set(code->expires - base::Duration(1));
  EXPECT_EQ(code_of(redeem(text, key)), "ok");
}

TEST_F(Enrolling, UnknownCodesAllLookTheSame) {
  const std::string good = make_code(kPayments);
  std::string changed = good;
  changed[10] = changed[10] == 'A' ? 'B' : 'A';
  const std::string csr = make_csr(make_key());
  for (const std::string& code :
       {std::string(), std::string("cse_"), changed, good + "A", good.substr(4), "CSE_" + good.substr(4)})
    EXPECT_EQ(code_of(redeem_text(code, csr)), "code.unknown") << code;
  EXPECT_EQ(code_of(redeem_text(good, csr)), "ok");
}

TEST_F(Enrolling, CodeIsNowhereOnDisk) {
  const std::string code = make_code(kPayments);
  EXPECT_EQ(raw().ask("SELECT COUNT(*) FROM enrolment_codes WHERE code_sha256 LIKE '%" + code + "%'"), "0");
  EXPECT_EQ(raw().ask("SELECT COUNT(*) FROM audit WHERE detail LIKE '%" + code + "%'"), "0");
  for (const char* file : {"registry.db", "registry.db-wal"}) {
    const auto content = base::read_file(data() / file);
    if (content) {
      EXPECT_EQ(content->find(code), std::string::npos) << file;
    }
  }
}

TEST_F(Enrolling, CodeOrdersAreChecked) {
  struct Row {
    const char* name;
    CodeOrder order;
    const char* code;
  };
  const Row rows[] = {
      {"default", {identity(kPayments), {}}, "ok"},
      {"signing only", {identity(kPayments), {Purpose::signing}}, "ok"},
      {"a purpose of the platform", {identity(kPayments), {Purpose::service}}, "purpose.not_allowed"},
      {"unknown application", {identity("production:acme:other"), {}}, "application.unknown"},
      {"other environment", {identity("uat:acme:payments"), {}}, "application.unknown"},
      {"shortest", {identity(kPayments), {}, kShortestCodeLife}, "ok"},
      {"too short", {identity(kPayments), {}, kShortestCodeLife - base::Duration(1)}, "code.life"},
      {"longest", {identity(kPayments), {}, kLongestCodeLife}, "ok"},
      {"too long", {identity(kPayments), {}, kLongestCodeLife + base::Duration(1)}, "code.life"},
  };
  for (const Row& row : rows)
    EXPECT_EQ(code_of(office().enrolment.create_code(admin(), row.order)), row.code) << row.name;
}

TEST_F(Enrolling, BadRequestsAreNamed) {
  const auto key = make_key();
  const std::string good = make_csr(key);
  std::string bad_proof = good;
  // The signature is at the end; one character of its base64 is changed.
  const std::size_t at = bad_proof.find("-----END") - 12;
  bad_proof[at] = bad_proof[at] == 'A' ? 'B' : 'A';
  const std::string code = make_code(kPayments);
  struct Row {
    const char* name;
    std::string csr;
    const char* code;
  };
  const Row rows[] = {
      {"empty", "", "csr.malformed"},
      {"cut off", good.substr(0, good.size() / 2), "csr.malformed"},
      {"garbage", "certainly not a CSR", "csr.malformed"},
      {"too large", std::string(x509::kCsrLimit + 1, 'A'), "csr.too_large"},
      {"bad proof of possession", bad_proof, "csr.bad_proof"},
      {"RSA-1024", make_csr(testing::make_weak_key(1024)), "key.weak"},
      {"good", good, "ok"},
  };
  for (const Row& row : rows)
    EXPECT_EQ(code_of(redeem_text(code, row.csr)), row.code) << row.name;
}

TEST_F(Enrolling, SuspendedGetNothing) {
  const std::string code = make_code(kPayments);
  const auto key = make_key();
  ASSERT_TRUE(office().directory.suspend_application(admin(), identity(kPayments)));
  EXPECT_EQ(code_of(redeem(code, key)), "application.suspended");
  ASSERT_TRUE(office().directory.resume_application(admin(), identity(kPayments)));
  ASSERT_TRUE(office().directory.suspend_organisation(admin(), slug("acme")));
  EXPECT_EQ(code_of(redeem(code, key)), "organisation.suspended");
  ASSERT_TRUE(office().directory.resume_organisation(admin(), slug("acme")));
  EXPECT_EQ(code_of(redeem(code, key)), "ok");
}

TEST_F(Enrolling, RevokedCertificateIsNotGivenAgain) {
  const auto key = make_key();
  const std::string code = make_code(kPayments);
  const auto issued = redeem(code, key);
  ASSERT_TRUE(revoke(office().ledger, admin(), issued->certificate.serial(), "superseded"));
  EXPECT_EQ(code_of(redeem(code, key)), "certificate.revoked");
  EXPECT_EQ(code_of(redeem(make_code(kPayments), key)), "ok") << "the key itself is not barred";
}

TEST_F(Enrolling, KeysHaveOneOwnerAndOnePurpose) {
  add_application("production:acme:cards");
  add_application("production:other:payments");
  add_application("uat:acme:payments");
  struct Row {
    const char* name;
    const char* urn;
    Purpose purpose;
    const char* code;
  };
  const auto key = make_key();
  ASSERT_TRUE(enrol(kPayments, key));
  for (const Row& row :
       {Row{"again", kPayments, Purpose::transport, "ok"},
        Row{"another application of the same organisation", "production:acme:cards", Purpose::transport,
            "key.other_application"},
        Row{"the same application in another environment", "uat:acme:payments", Purpose::transport,
            "key.other_application"},
        Row{"signing key", kPayments, Purpose::signing, "key.other_purpose"},
        Row{"signing key elsewhere", "production:acme:cards", Purpose::signing, "key.other_application"},
        Row{"another organisation", "production:other:payments", Purpose::transport, "key.in_use"}})
    EXPECT_EQ(code_of(enrol(row.urn, key, row.purpose)), row.code) << row.name;
}

TEST_F(Enrolling, CodesAreListedAndCancelled) {
  Enrolment& enrolment = office().enrolment;
  const base::Identity payments = identity(kPayments);
  const std::string kept = make_code(kPayments);
  clock.advance(base::Duration(1));
  const std::string cancelled = make_code(kPayments);
  const auto key = make_key();
  ASSERT_TRUE(redeem(kept, key));
  const auto codes = enrolment.list_codes(payments);
  ASSERT_TRUE(codes);
  ASSERT_EQ(codes->size(), 2U);
  EXPECT_TRUE((*codes)[1].redemptions[1].serial) << "signing, transport";
  EXPECT_EQ(code_of(enrolment.list_codes(identity("uat:acme:payments"))), "application.unknown");

  const std::string digest = (*codes)[0].row.code_sha256;
  add_application("production:acme:cards");
  EXPECT_EQ(code_of(enrolment.cancel_code(admin(), identity("production:acme:cards"), digest)),
            "enrolment_code.unknown");
  EXPECT_EQ(code_of(enrolment.cancel_code(admin(), payments, digest.substr(0, kLeastDigits - 1))),
            "enrolment_code.unknown");
  EXPECT_EQ(code_of(enrolment.cancel_code(admin(), payments, digest.substr(0, kLeastDigits))), "ok");
  EXPECT_EQ(code_of(enrolment.cancel_code(admin(), payments, digest)), "ok") << "done already";
  EXPECT_EQ(raw().ask("SELECT COUNT(*) FROM audit WHERE action = 'enrolment_code.cancelled'"), "1");
  EXPECT_EQ(code_of(redeem(cancelled, make_key())), "code.cancelled");
  EXPECT_EQ(code_of(redeem(kept, make_key(), Purpose::signing)), "ok");
}

TEST_F(Enrolling, CodesOfTheSuspendedAreRefused) {
  struct Row {
    const char* name;
    std::function<void()> change;
    const char* code;
  };
  Directory& directory = office().directory;
  const Row rows[] = {
      {"active", [] {}, "ok"},
      {"application suspended", [&] { (void)directory.suspend_application(admin(), identity(kPayments)); },
       "application.suspended"},
      {"organisation suspended too", [&] { (void)directory.suspend_organisation(admin(), slug("acme")); },
       "organisation.suspended"},
      {"both resumed",
       [&] {
         (void)directory.resume_application(admin(), identity(kPayments));
         (void)directory.resume_organisation(admin(), slug("acme"));
       },
       "ok"}};
  for (const Row& row : rows) {
    const std::string code = make_code(kPayments);
    row.change();
    EXPECT_EQ(code_of(redeem(code, make_key())), row.code) << row.name;
  }
}

TEST_F(Enrolling, CompromisedKeysAreBarred) {
  struct Row {
    const char* reason;
    const char* code;
  };
  for (const Row& row : {Row{"superseded", "ok"}, Row{"key_compromise", "key.compromised"}}) {
    const auto key = make_key();
    const auto issued = enrol(kPayments, key);
    ASSERT_TRUE(issued);
    ASSERT_TRUE(revoke(office().ledger, admin(), issued->certificate.serial(), row.reason));
    EXPECT_EQ(code_of(enrol(kPayments, key)), row.code) << row.reason;
  }
}

TEST_F(Enrolling, ServerCertificatesNeedNames) {
  ASSERT_TRUE(office().directory.create_application(admin(), {identity("internal:service:core-banking"), "", {}}));
  const std::string code = make_code("internal:service:core-banking");
  const auto key = make_key();
  EXPECT_EQ(code_of(redeem(code, key, Purpose::server)), "application.no_server_names");
  ASSERT_TRUE(office().directory.set_server_names(admin(), identity("internal:service:core-banking"),
                                                  {"Core.Example", "10.0.0.7"}));
  const auto issued = redeem(code, key, Purpose::server);
  ASSERT_TRUE(issued) << base::to_string(issued.error());
  EXPECT_TRUE(issued->certificate.matches_host("core.example"));
  EXPECT_TRUE(issued->certificate.matches_host("10.0.0.7"));
}

}  // namespace
}  // namespace countersign::authority
