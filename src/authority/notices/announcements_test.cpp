// A CA that is to come is announced to the contacts of partners, once; and not used before the day that was announced.
#include "authority/notices/announcements.h"

#include "authority/fixture_test.h"
#include "authority/notices/notices.h"
#include "store/ca_announcements.h"
#include "testing/run.h"

namespace countersign::authority {
namespace {

using testing::code_of;

class AnnouncementsTest : public AuthorityTest {
 protected:
  void SetUp() override {
    AuthorityTest::SetUp();
    ASSERT_TRUE(office().directory.create_organisation(admin(), slug("globex"), "Globex"));
    add({slug("acme"), std::nullopt, courier::MailAddress::parse("certs@acme.example").value()});
    add({slug("acme"), identity("production:acme:payments"), webhook("https://acme.example/hook")});
    add({slug("globex"), std::nullopt, webhook("https://globex.example/hook")});
  }
  static courier::WebhookUrl webhook(const char* text) { return courier::WebhookUrl::parse(text).value(); }
  void add(const NewContact& contact) {
    Contacts contacts(office().ledger, random, derive_webhook_key(EstablishedData::shared().audit_key()));
    ASSERT_TRUE(contacts.add(admin(), contact));
  }
  /// As if that CA was one that is to come.
  void put(const std::string& ca, const std::string& state, const std::string& use_from = "NULL") {
    ASSERT_TRUE(raw().run("UPDATE issuing_cas SET state = '" + state + "', use_from = " + use_from + " WHERE name = '" +
                          ca + "'"));
  }
  std::size_t write(bool has_mail = true) {
    const auto told = Announcements({office().ledger, random, log.log(), has_mail}).write();
    EXPECT_TRUE(told) << base::to_string(told.error());
    return told.value_or(99);
  }
  std::string letters(const std::string& where = "1 = 1") {
    return raw().ask("SELECT COUNT(*) FROM letters WHERE " + where);
  }

  testing::KeptLog log;
};

TEST_F(AnnouncementsTest, AreWrittenOnceForEachOrganisation) {
  EXPECT_EQ(write(), 0U) << "nothing is to come";
  put("production-ehi", "distributed", "1800000000000000");
  EXPECT_EQ(write(), 2U);
  EXPECT_EQ(letters(), "3");
  EXPECT_EQ(letters("channel = 'mail' AND subject LIKE '%from 2027-01-15T08:00:00Z on'"), "1");
  EXPECT_EQ(letters("channel = 'webhook' AND body LIKE '%\"type\":\"trust_chain.announced\"%'"), "2");
  EXPECT_EQ(write(), 0U);
  reopen();
  EXPECT_EQ(write(), 0U);
  EXPECT_EQ(letters(), "3");
  EXPECT_EQ(raw().ask("SELECT COUNT(*) FROM audit WHERE action = 'issuing_ca.announced'"), "1");
}

TEST_F(AnnouncementsTest, AreOfCasThatPartnersInstall) {
  for (const char* other : {"production-transport", "uat-signing", "people"})
    put(other, "distributed");
  put("production-ehi", "superseded");
  EXPECT_EQ(write(), 0U);
  put("uat-ehi", "distributed");
  EXPECT_EQ(write(), 2U);
  EXPECT_EQ(letters(), "2") << "not to the contact of an application in production";
  EXPECT_EQ(letters("subject LIKE '%not fixed yet'"), "1");
}

TEST_F(AnnouncementsTest, AreForWhoeverGetsAContactLater) {
  put("production-ehi", "distributed");
  EXPECT_EQ(write(), 2U);
  ASSERT_TRUE(office().directory.create_organisation(admin(), slug("initech"), "Initech"));
  EXPECT_EQ(write(), 0U);
  add({slug("initech"), std::nullopt, webhook("https://initech.example/hook")});
  EXPECT_EQ(write(), 1U);
}

TEST_F(AnnouncementsTest, GoByMailOnlyWhereThereIsAMailServer) {
  put("production-ehi", "distributed");
  EXPECT_EQ(write(false), 2U);
  EXPECT_EQ(letters("channel = 'mail'"), "0");
  EXPECT_EQ(letters("channel = 'webhook'"), "2");
}

TEST_F(AnnouncementsTest, AreNotWrittenWhereTheyCannotBeAudited) {
  put("production-ehi", "distributed");
  ASSERT_TRUE(raw().refuse_audit());
  EXPECT_FALSE(Announcements({office().ledger, random, log.log(), true}).write());
  EXPECT_EQ(letters(), "0");
  ASSERT_TRUE(raw().take_audit());
  EXPECT_EQ(write(), 2U);
}

}  // namespace
}  // namespace countersign::authority
