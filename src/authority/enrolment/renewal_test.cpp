// Renewal: judged by today, always a new key, and nothing more for a certificate whose successor is in use.
#include "authority/enrolment/renewal.h"

#include "authority/fixture_test.h"
#include "authority/revocation/revocation.h"

namespace countersign::authority {
namespace {

using testing::code_of;
using trust::Purpose;

class Renewing : public AuthorityTest {
 protected:
  base::Result<Outcome> renew(const Issued& held, const crypto::PrivateKey& key, Purpose wanted = Purpose::transport,
                              Purpose of = Purpose::transport) {
    return office().enrolment.renew({.identity = held.identity,
                                     .held = of,
                                     .wanted = wanted,
                                     .csr = x509::Csr::parse(make_csr(key)).value(),
                                     .held_fingerprint = held.certificate.fingerprint()});
  }
  void see(const Issued& shown) {
    ASSERT_TRUE(note_seen(office().ledger, admin(), {base::to_hex(shown.certificate.fingerprint())}));
  }
  Issued enrolled(const char* urn_end = kPayments, Purpose purpose = Purpose::transport) {
    return enrol(urn_end, make_key(), purpose).value();
  }
};

TEST_F(Renewing, WhatIsHeldDecidesWhatIsRenewed) {
  struct Row {
    const char* name;
    const char* urn;
    Purpose held;
    Purpose wanted;
    const char* code;
  };
  const Row rows[] = {
      {"transport", kPayments, Purpose::transport, Purpose::transport, "ok"},
      {"signing with transport", kPayments, Purpose::transport, Purpose::signing, "ok"},
      {"signing", kPayments, Purpose::signing, Purpose::signing, "purpose.not_allowed"},
      {"transport with signing", kPayments, Purpose::signing, Purpose::transport, "purpose.not_allowed"},
      {"server with transport", kPayments, Purpose::transport, Purpose::server, "purpose.not_allowed"},
      {"service", "internal:service:gateway", Purpose::service, Purpose::service, "ok"},
      {"server", "internal:service:gateway", Purpose::service, Purpose::server, "ok"},
      {"ehi", "production:provider:ehi", Purpose::ehi, Purpose::ehi, "ok"},
      {"the provider's signing with ehi", "production:provider:ehi", Purpose::ehi, Purpose::signing, "ok"},
      {"the provider's transport", "production:provider:ehi", Purpose::ehi, Purpose::transport, "purpose.not_allowed"},
      {"ehi with service", "internal:service:ehi", Purpose::service, Purpose::ehi, "purpose.not_allowed"},
      {"service with ehi", "production:provider:ehi", Purpose::ehi, Purpose::service, "purpose.not_allowed"},
      {"server of an operator", "internal:operator:admin", Purpose::service, Purpose::server, "purpose.not_allowed"},
  };
  for (const Row& row : rows) {
    const Issued held = enrolled(row.urn, row.held);
    const auto renewed = issued(renew(held, make_key(), row.wanted, row.held));
    EXPECT_EQ(code_of(renewed), row.code) << row.name;
    if (renewed) {
      EXPECT_EQ(renewed->identity, identity(row.urn)) << row.name;
    }
  }
}

TEST_F(Renewing, OldAndNewOverlap) {
  const Issued held = enrolled();
  clock.advance(kDay * 240);
  const auto next = issued(renew(held, make_key()));
  ASSERT_TRUE(next);
  EXPECT_EQ(next->certificate.not_after(), kNow + kDay * 590);
  for (const Issued& one : {held, *next}) {
    const auto fact = office().view.certificate(one.certificate.fingerprint());
    ASSERT_TRUE(fact);
    EXPECT_FALSE(fact->revoked_for);
  }
}

TEST_F(Renewing, NeedsANewKeyAndRepeatsItsAnswer) {
  const auto own = make_key();
  const Issued held = enrol(kPayments, own).value();
  EXPECT_EQ(code_of(renew(held, own)), "key.reused");
  const auto key = make_key();
  const auto next = issued(renew(held, key));
  ASSERT_TRUE(next);
  EXPECT_EQ(issued(renew(held, key))->certificate, next->certificate) << "a retry";
  see(*next);
  EXPECT_EQ(issued(renew(held, key))->certificate, next->certificate) << "a retry after its first use";
}

TEST_F(Renewing, ASupersededCertificateRenewsNothing) {
  const Issued held = enrolled();
  const auto next = issued(renew(held, make_key()));
  ASSERT_TRUE(next);
  EXPECT_EQ(code_of(renew(held, make_key())), "ok") << "nobody has used the new one yet: it may have been lost";
  see(*next);
  EXPECT_EQ(code_of(renew(held, make_key())), "renewal.superseded");
  EXPECT_EQ(code_of(renew(held, make_key(), Purpose::signing)), "renewal.superseded");
  EXPECT_EQ(code_of(renew(*next, make_key())), "ok");
  reopen();
  EXPECT_EQ(code_of(renew(held, make_key())), "renewal.superseded");
}

TEST_F(Renewing, AnotherCertificateOfTheApplicationSupersedesNothing) {
  const Issued held = enrolled();
  see(enrolled());
  EXPECT_EQ(code_of(renew(held, make_key())), "ok") << "two machines of one application renew each its own";
}

TEST_F(Renewing, UnusedSuccessorsAreBounded) {
  const Issued held = enrolled();
  std::vector<Issued> next;
  for (std::size_t i = 0; i < kMostUnusedSuccessors; ++i)
    next.push_back(issued(renew(held, make_key())).value());
  EXPECT_EQ(code_of(renew(held, make_key())), "renewal.too_many");
  ASSERT_TRUE(revoke(office().ledger, admin(), next[0].certificate.serial(), "superseded"));
  EXPECT_EQ(code_of(renew(held, make_key())), "ok");
}

TEST_F(Renewing, IsJudgedByToday) {
  add_application("production:other:payments");
  const auto others = make_key();
  ASSERT_TRUE(enrol("production:other:payments", others));
  const Issued held = enrolled();
  const auto key = make_key();
  EXPECT_EQ(code_of(renew(held, others)), "key.in_use");
  ASSERT_TRUE(office().directory.suspend_organisation(admin(), slug("acme")));
  EXPECT_EQ(code_of(renew(held, key)), "organisation.suspended");
  ASSERT_TRUE(office().directory.resume_organisation(admin(), slug("acme")));
  demand("[[profiles]]\nenvironment = 'production'\npurpose = 'transport'\nkey_types = ['p384']\n");
  EXPECT_EQ(code_of(renew(held, key)), "key.not_allowed");
  EXPECT_EQ(code_of(renew(held, crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p384).value())), "ok");
}

TEST_F(Renewing, ApprovalOfRenewalsIsThePolicys) {
  const Issued held = enrolled();
  const std::string two = "[[profiles]]\nenvironment = 'production'\npurpose = 'transport'\napprovals = 2\n";
  demand(two);
  EXPECT_EQ(code_of(issued(renew(held, make_key()))), "test.pending");
  demand(two + "approve_renewals = false\n");
  EXPECT_EQ(code_of(issued(renew(held, make_key()))), "ok");
}

TEST_F(Renewing, SightingsAreNotedOnceAndAudited) {
  const Issued held = enrolled();
  const std::string fingerprint = base::to_hex(held.certificate.fingerprint());
  EXPECT_EQ(note_seen(office().ledger, admin(), {fingerprint, std::string(64, '0'), "garbage"}), std::size_t{1});
  EXPECT_EQ(note_seen(office().ledger, admin(), {fingerprint}), std::size_t{0});
  EXPECT_EQ(raw().ask("SELECT COUNT(*) FROM audit WHERE action = 'certificate.seen'"), "1");
}

}  // namespace
}  // namespace countersign::authority
