// Contacts, and notices from the registry to the outbox: once each, whatever restarts, and nothing unrecorded.
#include "authority/notices/notices.h"

#include <algorithm>

#include "authority/enrolment/renewal.h"
#include "authority/fixture_test.h"
#include "authority/revocation/revocation.h"
#include "crypto/digest.h"
#include "store/certificates.h"
#include "store/issuances.h"
#include "testing/run.h"

namespace countersign::authority {
namespace {

using testing::code_of;

courier::MailAddress mail(std::string_view text) { return courier::MailAddress::parse(text).value(); }
courier::WebhookUrl webhook(std::string_view text) { return courier::WebhookUrl::parse(text).value(); }

class NoticesTest : public AuthorityTest {
 protected:
  void SetUp() override {
    AuthorityTest::SetUp();
    restart();
  }
  /// What planned so far forgets what it knew; the registry does not.
  void restart() {
    notices_.emplace(Notices::Parts{office().ledger, office().hierarchy, random, log.log()},
                     Notices::Rules{NoticeSettings::default_thresholds(), {mail("ops@provider.example")}, has_mail});
    contacts_.emplace(office().ledger, random, derive_webhook_key(EstablishedData::shared().audit_key()));
  }
  Notices& notices() { return *notices_; }
  Contacts& contacts() { return *contacts_; }
  std::size_t plan() {
    const auto planned = notices().plan();
    EXPECT_TRUE(planned) << base::to_string(planned.error());
    return planned.value_or(0);
  }
  store::ContactRow add(const NewContact& contact) {
    auto row = contacts().add(admin(), contact);
    EXPECT_TRUE(row) << base::to_string(row.error());
    return *row;
  }
  std::vector<store::LetterRow> letters(const std::string& state = "") {
    return notices().list({.state = state}).value();
  }
  x509::Certificate issue() { return enrol("production:acme:payments", make_key())->certificate; }
  /// To so many days before the end of `certificate`.
  void go_to(const x509::Certificate& certificate, int days) { clock.set(certificate.not_after() + kDay * days); }
  /// So many certificates more, like that one.
  void multiply(const std::string& serial, int many) {
    auto amendment = office().ledger.amend().value();
    store::CertificateRow row = store::find_certificate(amendment.rows(), serial)->value();
    store::IssuanceRow intent = store::find_issuance(amendment.rows(), serial)->value();
    std::vector<store::CertificateRow> rows;
    std::vector<store::IssuanceRow> intents;
    for (int i = 0; i < many; ++i) {
      row.serial = intent.serial = serial.substr(0, 32) + std::to_string(10'000'000 + i);
      row.fingerprint = base::to_hex(crypto::sha256(base::as_bytes(row.serial)));
      rows.push_back(row);
      intents.push_back(intent);
    }
    ASSERT_TRUE(store::insert(amendment.rows(), intents));
    ASSERT_TRUE(store::insert(amendment.rows(), rows));
    ASSERT_TRUE(amendment.audit({admin(), "test.multiplied", "certificates"}));
    ASSERT_TRUE(amendment.commit());
  }
  std::string count(const std::string& query) { return raw().ask("SELECT COUNT(*) FROM " + query); }

  testing::KeptLog log;
  bool has_mail = true;

 private:
  std::optional<Notices> notices_;
  std::optional<Contacts> contacts_;
};

TEST_F(NoticesTest, AreWrittenOnceForEachThreshold) {
  add({slug("acme"), std::nullopt, mail("certs@acme.example")});
  const auto certificate = issue();
  EXPECT_EQ(plan(), 0U);
  std::size_t expected = 0;
  for (const int days : {-60, -30, -14, -7, -1, 0, 1, 7, 14, 30, 60}) {
    go_to(certificate, days);
    EXPECT_EQ(plan(), 1U) << days;
    expected += 2;  // the partner's, and the operators'
    EXPECT_EQ(letters().size(), expected) << days;
    EXPECT_EQ(plan(), 0U) << "again, " << days;
    restart();
    EXPECT_EQ(plan(), 0U) << "after a restart, " << days;
  }
}

/// A run is many short steps: no step looks at more, or writes more, than one page.
TEST_F(NoticesTest, AreWrittenInShortSteps) {
  const auto certificate = issue();
  const std::string serial = certificate.serial().hex();
  const int many = static_cast<int>(kNoticesAtOnce) * 2 + 40;
  multiply(serial, many);
  add({slug("acme"), std::nullopt, mail("certs@acme.example")});
  go_to(certificate, -30);
  std::size_t written = 0;
  int steps = 0;
  for (Notices::Progress progress{.written = 0, .is_done = false}; !progress.is_done; ++steps) {
    const auto next = notices().advance();
    ASSERT_TRUE(next) << base::to_string(next.error());
    progress = *next;
    EXPECT_LE(progress.written, kNoticesAtOnce);
    written += progress.written;
    if (steps == 4) restart();  // in the middle
  }
  EXPECT_EQ(written, static_cast<std::size_t>(many) + 1);
  EXPECT_EQ(count("notices WHERE threshold = -2592000"), std::to_string(many + 1)) << "each once";
  EXPECT_EQ(count("letters WHERE serial IS NOT NULL"), std::to_string(many + 1));
  EXPECT_EQ(count("letters WHERE serial IS NULL"), "3") << "digests of several certificates each, not one a page";
  EXPECT_GE(steps, 6);
  EXPECT_EQ(plan(), 0U);
  restart();
  EXPECT_EQ(plan(), 0U);
}

/// At the end of a CA, to which lives are cut, all ends in one instant: a run that stops in it goes on where it was.
TEST_F(NoticesTest, GetOnWithinOneInstant) {
  const auto certificate = issue();
  const std::size_t all = kNoticesAtOnce * 3 + 1;
  multiply(certificate.serial().hex(), static_cast<int>(all) - 1);
  go_to(certificate, -30);
  const auto step = [&] { return notices().advance().value(); };
  std::size_t noted = 0;
  for (int runs = 0; noted < all && runs < 5; ++runs) {
    restart();
    Notices::Progress progress{.written = 0, .is_done = false};
    while (!progress.is_done && progress.written == 0)
      progress = step();
    EXPECT_LE(progress.written, kNoticesAtOnce);
    EXPECT_GT(progress.written, 0U) << "what was written is not in the way of what was not";
    noted += progress.written;
  }
  EXPECT_EQ(noted, all);
  EXPECT_EQ(count("notices WHERE threshold = -2592000"), std::to_string(all));
  restart();
  EXPECT_EQ(plan(), 0U);
}

TEST_F(NoticesTest, SayOnlyTheNewestAfterALongStop) {
  const auto certificate = issue();
  go_to(certificate, -5);
  EXPECT_EQ(plan(), 1U);
  EXPECT_EQ(letters().size(), 1U) << "the operators' alone: there is no contact";
  EXPECT_NE(letters().front().body.find("in 5 days"), std::string::npos) << letters().front().body;
  clock.set(certificate.not_after() - kDay * 20);
  EXPECT_EQ(plan(), 1U) << "a clock that went back: the registry does not know that the 30 days were told";
  clock.set(certificate.not_after() - kDay * 5);
  EXPECT_EQ(plan(), 0U);
}

TEST_F(NoticesTest, FollowTheClockInSmallSteps) {
  const auto certificate = issue();
  go_to(certificate, -61);
  EXPECT_EQ(plan(), 0U);
  std::size_t told = 0;
  for (int minutes = 0; minutes < 3 * 24 * 60; minutes += 50) {
    clock.advance(std::chrono::minutes(50));
    told += plan();
  }
  EXPECT_EQ(told, 1U);
}

TEST_F(NoticesTest, EndWithASuccessorInUse) {
  struct Row {
    const char* name;
    bool seen;
    bool revoked;
    std::size_t due;
  };
  for (const Row& row : {Row{"renewed, not used", false, false, 1}, Row{"renewed and used", true, false, 0},
                         Row{"its successor was used and revoked", true, true, 1}}) {
    SCOPED_TRACE(row.name);
    const auto old = issue();
    clock.advance(kDay * 100);
    auto csr = x509::Csr::parse(make_csr(make_key())).value();
    const auto renewed =
        issued(office().enrolment.renew({identity("production:acme:payments"), trust::Purpose::transport,
                                         trust::Purpose::transport, std::move(csr), old.fingerprint()}));
    ASSERT_TRUE(renewed) << base::to_string(renewed.error());
    const auto& fresh = renewed->certificate;
    if (row.seen) {
      ASSERT_TRUE(note_seen(office().ledger, admin(), {base::to_hex(fresh.fingerprint())}));
    }
    if (row.revoked) {
      ASSERT_TRUE(revoke(office().ledger, admin(), fresh.serial(), "superseded"));
    }
    go_to(old, -7);
    EXPECT_EQ(plan(), row.due);
    ASSERT_TRUE(revoke(office().ledger, admin(), old.serial(), "superseded"));
    if (!row.revoked) {
      ASSERT_TRUE(revoke(office().ledger, admin(), fresh.serial(), "superseded"));
    }
    clock.set(kNow);
    restart();
  }
}

TEST_F(NoticesTest, AreNotForWhatIsRevokedOrSuspended) {
  const auto revoked = issue();
  ASSERT_TRUE(revoke(office().ledger, admin(), revoked.serial(), "superseded"));
  const auto certificate = issue();
  go_to(certificate, -30);
  ASSERT_TRUE(office().directory.suspend_organisation(admin(), slug("acme")));
  EXPECT_EQ(plan(), 0U);
  ASSERT_TRUE(office().directory.resume_organisation(admin(), slug("acme")));
  restart();
  EXPECT_EQ(plan(), 1U);
}

TEST_F(NoticesTest, GoToTheContactsOfTheApplication) {
  add_application("production:acme:other");
  add_application("production:rival:payments");
  add({slug("acme"), std::nullopt, mail("all@acme.example")});
  add({slug("acme"), identity("production:acme:payments"), mail("payments@acme.example")});
  add({slug("acme"), identity("production:acme:other"), mail("other@acme.example")});
  add({slug("acme"), std::nullopt, webhook("https://hooks.acme.example/")});
  add({slug("rival"), std::nullopt, mail("all@rival.example")});
  const auto certificate = issue();
  go_to(certificate, -30);
  EXPECT_EQ(plan(), 1U);
  std::set<std::string> recipients;
  for (const auto& letter : letters())
    recipients.insert(letter.channel + " " + letter.recipient);
  EXPECT_EQ(recipients, (std::set<std::string>{"mail all@acme.example", "mail payments@acme.example",
                                               "mail ops@provider.example", "webhook https://hooks.acme.example/"}));
}

TEST_F(NoticesTest, WriteNoMailWithoutAServer) {
  has_mail = false;
  restart();
  add({slug("acme"), std::nullopt, mail("all@acme.example")});
  const auto certificate = issue();
  go_to(certificate, -30);
  EXPECT_EQ(plan(), 1U);
  EXPECT_TRUE(letters().empty());
  const auto lines = log.lines();
  EXPECT_TRUE(std::ranges::any_of(lines, [&](const std::string& line) {
    return line.find("certificate.ends_soon") != std::string::npos &&
           line.find(certificate.serial().hex()) != std::string::npos;
  }));
}

TEST_F(NoticesTest, SpeakOfTheCasThemselves) {
  const auto* issuer = office().hierarchy.find_issuing_ca("production-transport");
  const base::Instant end = issuer != nullptr ? issuer->certificate.not_after()
                                              : office().hierarchy.issuing_cas().front().certificate.not_after();
  clock.set(end - kDay * 30);
  EXPECT_EQ(plan(), office().hierarchy.issuing_cas().size() + 2) << "and the CRLs of both roots";
  ASSERT_EQ(letters().size(), 1U) << "one digest";
  EXPECT_NE(letters().front().body.find("issuing CA"), std::string::npos);
  EXPECT_EQ(plan(), 0U);
}

TEST_F(NoticesTest, LeaveTheOutboxOnlyAsSentOrGivenUp) {
  struct Row {
    const char* name;
    base::Kind kind;
    int attempts;
    const char* state;
  };
  for (const Row& row : {Row{"unreachable once", base::Kind::unavailable, 1, "pending"},
                         Row{"unreachable for ever", base::Kind::unavailable, kMostAttempts, "given_up"},
                         Row{"refused for good", base::Kind::denied, 1, "given_up"}}) {
    SCOPED_TRACE(row.name);
    const auto certificate = issue();
    go_to(certificate, -30);
    EXPECT_EQ(plan(), 1U);
    std::string id;
    for (int attempt = 1; attempt <= row.attempts; ++attempt) {
      const auto letter = notices().claim(Channel::mail);
      ASSERT_TRUE(letter && *letter) << attempt;
      EXPECT_TRUE(id.empty() || id == (*letter)->id);
      id = (*letter)->id;
      EXPECT_EQ((*letter)->attempts, attempt);
      ASSERT_TRUE(notices().settle(**letter, base::fail(row.kind, "test.failed", "as the test wants")));
      EXPECT_FALSE(notices().claim(Channel::mail).value()) << "there is time until the next attempt";
      clock.advance(back_off(attempt));
    }
    EXPECT_EQ(letters().front().state, row.state);
    EXPECT_EQ(notices().claim(Channel::mail)->has_value(), std::string(row.state) == "pending");
    EXPECT_EQ(count("audit WHERE action = 'notice.given_up' AND subject = '" + id + "'"),
              std::string(row.state) == "given_up" ? "1" : "0");
    ASSERT_TRUE(revoke(office().ledger, admin(), certificate.serial(), "superseded"));
    clock.set(kNow);
    restart();
    raw().run("DELETE FROM letters");
  }
}

TEST_F(NoticesTest, SendTheSameLetterAgainAfterACrash) {
  const auto certificate = issue();
  go_to(certificate, -30);
  EXPECT_EQ(plan(), 1U);
  const auto first = notices().claim(Channel::mail);
  ASSERT_TRUE(first && *first);
  reopen();  // and nobody knows whether it was delivered
  restart();
  EXPECT_EQ(plan(), 0U);
  EXPECT_FALSE(notices().claim(Channel::mail).value()) << "not at once: the crash may come of it";
  clock.advance(back_off(1));
  const auto second = notices().claim(Channel::mail);
  ASSERT_TRUE(second && *second);
  EXPECT_EQ((*second)->id, (*first)->id);
  EXPECT_EQ((*second)->body, (*first)->body);
  EXPECT_EQ((*second)->attempts, 2);
  ASSERT_TRUE(notices().settle(**second, {}));
  clock.advance(kDay);
  EXPECT_FALSE(notices().claim(Channel::mail).value());
  EXPECT_EQ(letters().front().state, "sent");
}

TEST_F(NoticesTest, LetNobodyHoldUpTheOthers) {
  add_application("production:rival:payments");
  const auto slow = add({slug("acme"), std::nullopt, webhook("https://slow.acme.example/")});
  const auto quick = add({slug("rival"), std::nullopt, webhook("https://hooks.rival.example/")});
  const auto first = issue();
  issue();
  issue();
  ASSERT_TRUE(enrol("production:rival:payments", make_key()));
  go_to(first, -30);
  EXPECT_EQ(plan(), 4U);
  int attempts_at_slow = 0;
  bool others_were_served = false;
  for (auto letter = notices().claim(Channel::webhook).value(); letter;
       letter = notices().claim(Channel::webhook).value()) {
    const bool hangs = letter->contact == slow.id;
    attempts_at_slow += hangs ? 1 : 0;
    others_were_served = others_were_served || letter->contact == quick.id;
    ASSERT_TRUE(notices().settle(
        *letter, hangs ? base::Result<void>(base::fail(base::Kind::timeout, "test.hangs", "")) : base::Result<void>()));
  }
  EXPECT_EQ(attempts_at_slow, 1) << "the other two wait, too";
  EXPECT_TRUE(others_were_served);
}

TEST_F(NoticesTest, DropWhatNobodyNeedsAnyMore) {
  const auto contact = add({slug("acme"), std::nullopt, mail("all@acme.example")});
  const auto hook = add({slug("acme"), std::nullopt, webhook("https://hooks.acme.example/")});
  const auto certificate = issue();
  go_to(certificate, -30);
  EXPECT_EQ(plan(), 1U);
  ASSERT_TRUE(contacts().remove(admin(), slug("acme"), contact.id));
  ASSERT_EQ(letters("dropped").size(), 1U);
  EXPECT_EQ(letters("dropped").front().recipient, "all@acme.example");
  ASSERT_TRUE(revoke(office().ledger, admin(), certificate.serial(), "superseded"));
  EXPECT_FALSE(notices().claim(Channel::webhook).value());
  EXPECT_EQ(letters("dropped").size(), 2U);
}

TEST_F(NoticesTest, AreNotHeldUpByAClockThatWasAhead) {
  const auto certificate = issue();
  go_to(certificate, -30);
  EXPECT_EQ(plan(), 1U);
  clock.advance(kDay * 3650);
  ASSERT_TRUE(notices().claim(Channel::mail).value());
  clock.advance(kDay * -3650);
  EXPECT_TRUE(notices().claim(Channel::mail).value());
}

/// Nor sent too early by another authority whose clock is a little behind.
TEST_F(NoticesTest, WaitByTheClockOfAnother) {
  const auto certificate = issue();
  go_to(certificate, -30);
  EXPECT_EQ(plan(), 1U);
  ASSERT_TRUE(raw().run("UPDATE letters SET attempts = 10"));
  ASSERT_TRUE(notices().claim(Channel::mail).value()) << "put off for the longest time there is";
  clock.advance(std::chrono::seconds(-30));
  EXPECT_FALSE(notices().claim(Channel::mail).value());
  clock.advance(kDay / 4 + std::chrono::seconds(30));
  EXPECT_TRUE(notices().claim(Channel::mail).value());
}

TEST_F(NoticesTest, StopWithoutAuditLog) {
  const auto certificate = issue();
  go_to(certificate, -30);
  ASSERT_TRUE(raw().refuse_audit());
  EXPECT_FALSE(notices().plan());
  EXPECT_TRUE(letters().empty());
  ASSERT_TRUE(raw().take_audit());
  EXPECT_EQ(plan(), 1U);
  ASSERT_TRUE(raw().refuse_audit());
  EXPECT_FALSE(notices().claim(Channel::mail)) << "an attempt that is not on record is not made";
  ASSERT_TRUE(raw().take_audit());
  EXPECT_TRUE(notices().claim(Channel::mail).value());
}

TEST_F(NoticesTest, ContactsAreKeptByRules) {
  add_application("production:rival:payments");
  const auto first = add({slug("acme"), std::nullopt, mail("a@acme.example")});
  struct Row {
    const char* name;
    NewContact contact;
    const char* code;
  };
  for (const Row& row : {
           Row{"another address", {slug("acme"), std::nullopt, mail("b@acme.example")}, "ok"},
           Row{"the same", {slug("acme"), std::nullopt, mail("a@acme.example")}, "contact.exists"},
           Row{"the same for one application",
               {slug("acme"), identity("production:acme:payments"), mail("a@acme.example")},
               "ok"},
           Row{"nobody", {slug("nobody"), std::nullopt, mail("a@acme.example")}, "organisation.unknown"},
           Row{"the platform", {slug("service"), std::nullopt, mail("a@acme.example")}, "organisation.reserved"},
           Row{"no such application",
               {slug("acme"), identity("production:acme:gone"), mail("a@acme.example")},
               "application.unknown"},
           Row{"another's application",
               {slug("acme"), identity("production:rival:payments"), mail("a@acme.example")},
               "application.unknown"},
       })
    EXPECT_EQ(code_of(contacts().add(admin(), row.contact)), row.code) << row.name;
  EXPECT_EQ(code_of(contacts().remove(admin(), slug("rival"), first.id)), "contact.unknown");
  EXPECT_EQ(code_of(contacts().remove(admin(), slug("acme"), first.id)), "ok");
  EXPECT_EQ(code_of(contacts().remove(admin(), slug("acme"), first.id)), "contact.unknown");
  while (contacts().list(slug("acme"))->size() < kContactLimit)
    add({slug("acme"), std::nullopt,
         mail("x" + std::to_string(contacts().list(slug("acme"))->size()) + "@acme.example")});
  EXPECT_EQ(code_of(contacts().add(admin(), {slug("acme"), std::nullopt, mail("last@acme.example")})),
            "contact.too_many");
}

TEST_F(NoticesTest, SecretsAreOfOneContactAndNotInTheRegistry) {
  const auto one = add({slug("acme"), std::nullopt, webhook("https://hooks.acme.example/1")});
  const auto two = add({slug("acme"), std::nullopt, webhook("https://hooks.acme.example/2")});
  const std::string secret(contacts().secret_of(one).reveal_text());
  EXPECT_EQ(secret.size(), 64U);
  EXPECT_NE(secret, contacts().secret_of(two).reveal_text());
  reopen();
  restart();
  EXPECT_EQ(secret, contacts().secret_of(one).reveal_text());
  EXPECT_EQ(count("audit WHERE detail LIKE '%" + secret + "%'"), "0");
}

}  // namespace
}  // namespace countersign::authority
