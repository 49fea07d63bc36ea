// A CA that is to come is announced to the contacts of partners, once for each day; and that day can be moved.
#include "authority/notices/announcements.h"

#include <algorithm>

#include "authority/fixture_test.h"
#include "authority/notices/notices.h"
#include "authority/registry/rows.h"
#include "authority/rotation/rotation.h"
#include "testing/run.h"

namespace countersign::authority {
namespace {

using testing::code_of;

constexpr const char* kEhi = "production-ehi";

class AnnouncementsTest : public AuthorityTest {
 protected:
  void SetUp() override {
    AuthorityTest::SetUp();
    ASSERT_TRUE(office().directory.create_organisation(admin(), slug("globex"), "Globex"));
    restart();
    add({slug("acme"), std::nullopt, courier::MailAddress::parse("certs@acme.example").value()});
    add({slug("acme"), identity("production:acme:payments"), webhook("https://acme.example/hook")});
    add({slug("globex"), std::nullopt, webhook("https://globex.example/hook")});
  }
  /// What wrote so far forgets what it knew; the registry does not.
  void restart() {
    contacts_.emplace(office().ledger, random, derive_webhook_key(EstablishedData::shared().audit_key()));
    writer_.emplace(Announcements::Parts{office().ledger, *contacts_, random, log.log(), has_mail});
  }
  static courier::WebhookUrl webhook(const char* text) { return courier::WebhookUrl::parse(text).value(); }
  void add(const NewContact& contact) { ASSERT_TRUE(contacts_->add(admin(), contact)); }
  /// As if that CA was one that is to come.
  void put(const std::string& ca, const std::string& state, const std::string& use_from = "NULL") {
    ASSERT_TRUE(raw().run("UPDATE issuing_cas SET state = '" + state + "', use_from = " + use_from + " WHERE name = '" +
                          ca + "'"));
  }
  base::Result<std::size_t> try_to_write() { return writer_->write(); }
  std::size_t write() {
    const auto told = try_to_write();
    EXPECT_TRUE(told) << base::to_string(told.error());
    return told.value_or(99);
  }
  std::string count(const std::string& of) { return raw().ask("SELECT COUNT(*) FROM " + of); }
  std::string letters(const std::string& where = "1 = 1") { return count("letters WHERE " + where); }
  /// The same operator's call as `countersign admin ca distribute`.
  std::string distribute(std::optional<base::Instant> use_from) {
    CaKeyHome keys({DataFolder(data()).keys(), EstablishedData::shared().passphrase()});
    Rotation rotation({.ledger = office().ledger,
                       .hierarchy = office().hierarchy,
                       .signer = *signer,
                       .keys = keys,
                       .random = random,
                       .observer = observer});
    return code_of(rotation.distribute(admin(), kEhi, use_from));
  }
  store::IssuingCaRow row() {
    auto rows = office().ledger.read().value();
    const auto cas = store::list_issuing_cas(rows).value();
    return *std::ranges::find(cas, kEhi, &store::IssuingCaRow::name);
  }

  testing::KeptLog log;
  bool has_mail = true;

 private:
  std::optional<Contacts> contacts_;
  std::optional<Announcements> writer_;
};

TEST_F(AnnouncementsTest, AreWrittenOnceForEachContact) {
  EXPECT_EQ(write(), 0U) << "nothing is to come";
  put(kEhi, "distributed", "1800000000000000");
  EXPECT_EQ(write(), 3U);
  EXPECT_EQ(letters(), "3");
  EXPECT_EQ(letters("channel = 'mail' AND subject LIKE '%from 2027-01-15T08:00:00Z on'"), "1");
  EXPECT_EQ(letters("channel = 'webhook' AND body LIKE '%\"type\":\"trust_chain.announced\"%'"), "2");
  EXPECT_EQ(write(), 0U);
  reopen();
  restart();
  EXPECT_EQ(write(), 0U);
  EXPECT_EQ(letters(), "3");
  EXPECT_EQ(count("audit WHERE action = 'issuing_ca.announced'"), "1");
}

TEST_F(AnnouncementsTest, AreOfCasThatPartnersInstall) {
  for (const char* other : {"production-transport", "uat-signing", "people"})
    put(other, "distributed");
  put(kEhi, "superseded");
  EXPECT_EQ(write(), 0U);
  put("uat-ehi", "distributed");
  EXPECT_EQ(write(), 2U);
  EXPECT_EQ(letters(), "2") << "not to the contact of an application in production";
  EXPECT_EQ(letters("subject LIKE '%not fixed yet'"), "1");
}

TEST_F(AnnouncementsTest, AreForWhoeverGetsAContactLater) {
  put(kEhi, "distributed");
  EXPECT_EQ(write(), 3U);
  ASSERT_TRUE(office().directory.create_organisation(admin(), slug("initech"), "Initech"));
  EXPECT_EQ(write(), 0U);
  add({slug("initech"), std::nullopt, webhook("https://initech.example/hook")});
  EXPECT_EQ(write(), 1U);
  add({slug("initech"), std::nullopt, webhook("https://initech.example/second")});
  EXPECT_EQ(write(), 1U) << "its organisation was told, this one was not";
}

/// Nobody was written to: then nobody was told, and whoever can be told later is.
TEST_F(AnnouncementsTest, AreNotMadeWhereNobodyWasWrittenTo) {
  add_application("uat:initech:payments");
  add_application("production:initech:payments");
  add({slug("initech"), identity("uat:initech:payments"), webhook("https://initech.example/uat")});
  put(kEhi, "distributed");
  EXPECT_EQ(write(), 3U);
  EXPECT_EQ(count("ca_announcements"), "3");
  EXPECT_EQ(count("audit WHERE action = 'issuing_ca.announced' AND detail LIKE '%initech%'"), "0");
  add({slug("initech"), identity("production:initech:payments"), webhook("https://initech.example/production")});
  EXPECT_EQ(write(), 1U);
  EXPECT_EQ(letters("recipient = 'https://initech.example/production'"), "1");
}

TEST_F(AnnouncementsTest, GoByMailOnceThereIsAMailServer) {
  has_mail = false;
  restart();
  put(kEhi, "distributed");
  EXPECT_EQ(write(), 2U);
  EXPECT_EQ(letters("channel = 'mail'"), "0");
  EXPECT_EQ(letters("channel = 'webhook'"), "2");
  has_mail = true;
  restart();
  EXPECT_EQ(write(), 1U);
  EXPECT_EQ(letters("channel = 'mail'"), "1");
}

/// A CA is distributed for weeks: all contacts are gone through rarely, and at once when there is a reason.
TEST_F(AnnouncementsTest, AreLookedForRarely) {
  put(kEhi, "distributed");
  EXPECT_EQ(write(), 3U);
  EXPECT_EQ(write(), 0U);
  ASSERT_TRUE(
      raw().run("INSERT INTO contacts (id, organisation, kind, address, created_by, created_at) VALUES ('of-b',"
                " 'acme', 'webhook', 'https://acme.example/b', 'another authority', 0)"));
  clock.advance(kAnnounceAgain - std::chrono::seconds(1));
  EXPECT_EQ(write(), 0U) << "whose it is tells it";
  clock.advance(std::chrono::seconds(1));
  EXPECT_EQ(write(), 1U) << "if it lives";
  EXPECT_EQ(write(), 0U);
  put("uat-ehi", "distributed");
  EXPECT_EQ(write(), 3U) << "another CA is at once";
}

TEST_F(AnnouncementsTest, AreMadeAgainWhenTheDayIsMoved) {
  put(kEhi, "distributed");
  EXPECT_EQ(write(), 3U);
  const base::Instant day = clock.now() + kDay * 30;
  EXPECT_EQ(distribute(clock.now()), "ca.use_from");
  EXPECT_EQ(distribute(clock.now() + kDay * 36'500), "ca.use_from");
  EXPECT_EQ(letters("state = 'pending'"), "3") << "nothing was moved";
  ASSERT_EQ(distribute(day), "ok");
  EXPECT_EQ(row().use_from, day) << "though it was distributed without one";
  EXPECT_EQ(letters("state = 'dropped'"), "3") << "they spoke of no day";
  EXPECT_EQ(write(), 3U);
  EXPECT_EQ(letters("state = 'pending' AND (subject LIKE '%" + base::to_rfc3339(day) + "%' OR body LIKE '%" +
                    base::to_rfc3339(day) + "%')"),
            "3");
  ASSERT_EQ(distribute(day), "ok");
  ASSERT_EQ(distribute(std::nullopt), "ok");
  EXPECT_EQ(write(), 0U) << "the same day, and none: nothing changes";
  EXPECT_EQ(count("audit WHERE action = 'issuing_ca.day_moved'"), "1");
  ASSERT_EQ(distribute(day - kDay), "ok");
  EXPECT_EQ(row().use_from, day - kDay);
  EXPECT_EQ(
      count("audit WHERE action = 'issuing_ca.day_moved' AND detail LIKE '%before%" + base::to_rfc3339(day) + "%'"),
      "1");
  EXPECT_EQ(write(), 3U);
  ASSERT_EQ(distribute(day), "ok");
  EXPECT_EQ(write(), 3U) << "back to a day that was told before the last one";
}

TEST_F(AnnouncementsTest, AreOfADayWithinTheLifeOfTheCa) {
  const base::Instant begins = to_certificate(row().der)->not_before();
  const base::Instant ends = to_certificate(row().der)->not_after();
  put(kEhi, "distributed");
  clock.set(begins - kDay * 2);
  EXPECT_EQ(distribute(begins - kDay), "ca.use_from") << "to come, but before its certificate";
  EXPECT_EQ(distribute(begins), "ok");
  EXPECT_EQ(distribute(ends), "ca.use_from");
  EXPECT_EQ(distribute(ends - std::chrono::seconds(1)), "ok");
}

TEST_F(AnnouncementsTest, AreOfADayThatIsMovedOnRecordOnly) {
  const base::Instant day = clock.now() + kDay * 30;
  put(kEhi, "distributed");
  EXPECT_EQ(write(), 3U);
  ASSERT_TRUE(raw().refuse_audit());
  EXPECT_NE(distribute(day), "ok");
  ASSERT_TRUE(raw().take_audit());
  EXPECT_FALSE(row().use_from) << "no record, no change";
  EXPECT_EQ(letters("state = 'pending'"), "3");
  EXPECT_EQ(count("ca_announcements"), "3");
  for (const char* in_use : {"active", "superseded"}) {
    put(kEhi, in_use);
    EXPECT_EQ(distribute(day), "ca.state") << in_use << ": there is no day to announce";
    EXPECT_EQ(distribute(std::nullopt), "ok") << in_use << ": that was done long ago";
  }
}

/// A letter that waits for its next attempt says nothing any more once the CA is in use, or over.
TEST_F(AnnouncementsTest, AreNotSentOnceTheyAreOver) {
  Notices notices({office().ledger, office().hierarchy, random, log.log()}, {{}, {}, true});
  for (const char* after : {"active", "withdrawn", "retired"}) {
    put(kEhi, "distributed");
    ASSERT_TRUE(raw().run("DELETE FROM letters; DELETE FROM ca_announcements"));
    restart();
    EXPECT_EQ(write(), 3U);
    const auto first = notices.claim(Channel::webhook).value();
    ASSERT_TRUE(first) << "its twin: it is to come still";
    ASSERT_TRUE(notices.settle(*first, base::fail(base::Kind::unavailable, "webhook.failed", "500")));
    put(kEhi, after);
    clock.advance(std::chrono::minutes(5));
    EXPECT_FALSE(notices.claim(Channel::webhook)->has_value()) << after;
    EXPECT_FALSE(notices.claim(Channel::mail)->has_value()) << after;
    EXPECT_EQ(letters("state = 'dropped'"), "3") << after;
  }
}

TEST_F(AnnouncementsTest, AreNotWrittenWhereTheyCannotBeAudited) {
  put(kEhi, "distributed");
  ASSERT_TRUE(raw().refuse_audit());
  EXPECT_FALSE(try_to_write());
  EXPECT_EQ(letters(), "0");
  ASSERT_TRUE(raw().take_audit());
  EXPECT_EQ(write(), 3U);
}

}  // namespace
}  // namespace countersign::authority
