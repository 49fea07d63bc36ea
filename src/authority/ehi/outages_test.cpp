// Contacts are told once that their server is refused or does not answer, and once that it is over.
#include "authority/ehi/outages.h"

#include <algorithm>

#include "authority/ehi/servers.h"
#include "authority/fixture_test.h"
#include "authority/notices/contacts.h"
#include "testing/run.h"

namespace countersign::authority {
namespace {

using base::Environment;
using feed::EndpointState;
using std::chrono::minutes;
using std::chrono::seconds;

class OutagesTest : public AuthorityTest {
 protected:
  void SetUp() override {
    AuthorityTest::SetUp();
    add_contact({slug("acme"), std::nullopt, courier::MailAddress::parse("ops@acme.example").value()});
    add_contact({slug("acme"), identity("production:acme:payments"), webhook("https://acme.example/hook")});
    server_ = add("acme");
  }
  static courier::WebhookUrl webhook(const char* text) { return courier::WebhookUrl::parse(text).value(); }
  void add_contact(const NewContact& contact) {
    Contacts contacts(office().ledger, random, derive_webhook_key(EstablishedData::shared().audit_key()));
    ASSERT_TRUE(contacts.add(admin(), contact));
  }
  std::string add(const std::string& organisation, Environment environment = Environment::production) {
    const auto row =
        EhiServers(office().ledger, random)
            .add(admin(), {slug(organisation), environment, "https://" + organisation + ".example/decide"});
    EXPECT_TRUE(row) << base::to_string(row.error());
    return row ? row->id : "";
  }
  void say(EndpointState state, const std::string& organisation = "acme",
           Environment environment = Environment::production) {
    feed::EndpointReport one{environment, slug(organisation), "https://" + organisation + ".example/decide",
                             "internal-name", "decisions"};
    one.state = state;
    if (state != EndpointState::up) {
      one.code = state == EndpointState::refused ? "ehi.refused" : "ehi.unreachable";
      if (state == EndpointState::refused) one.reason = trust::Reason::expired;
      one.detail = "from 10.1.2.3";
      one.times = 1;
      one.first = one.last = office().ledger.now();
    }
    ASSERT_TRUE(note_endpoint_reports(office().ledger, "ehi", {one}));
  }
  Outages outages(bool has_mail = true) { return Outages({office().ledger, random, log.log(), has_mail}); }
  std::size_t write() {
    const auto written = outages().write();
    EXPECT_TRUE(written) << base::to_string(written.error());
    return written.value_or(99);
  }
  std::string letters(const std::string& where = "1 = 1") {
    return raw().ask("SELECT COUNT(*) FROM letters WHERE " + where);
  }
  std::string audited(const std::string& action) {
    return raw().ask("SELECT COUNT(*) FROM audit WHERE action = '" + action + "'");
  }

  testing::KeptLog log;
  std::string server_;
};

TEST_F(OutagesTest, AreToldOnceAndTheirEndOnce) {
  EXPECT_EQ(write(), 0U) << "nobody said anything";
  say(EndpointState::refused);
  EXPECT_EQ(write(), 1U);
  EXPECT_EQ(letters(), "2");
  EXPECT_EQ(letters("body LIKE '%ehi_server.refused%' AND body LIKE '%expired%'"), "1");
  EXPECT_EQ(letters("subject LIKE 'The provider refuses%' AND body LIKE '%countersign own check-ehi " + server_ + "%'"),
            "1");
  EXPECT_EQ(write(), 0U);
  reopen();
  EXPECT_EQ(write(), 0U);
  say(EndpointState::up);
  EXPECT_EQ(write(), 0U) << "it may come again";
  clock.advance(minutes(10));
  EXPECT_EQ(write(), 1U);
  EXPECT_EQ(letters(), "4");
  EXPECT_EQ(letters("body LIKE '%ehi_server.recovered%'"), "1");
  EXPECT_EQ(write(), 0U);
  EXPECT_EQ(audited("ehi_server.refused") + audited("ehi_server.recovered"), "11");
}

TEST_F(OutagesTest, TellNothingOfTheInside) {
  say(EndpointState::refused);
  EXPECT_EQ(write(), 1U);
  for (const char* inside : {"internal-name", "10.1.2.3", "sender"})
    EXPECT_EQ(letters(std::string("body LIKE '%") + inside + "%' OR subject LIKE '%" + inside + "%'"), "0") << inside;
}

TEST_F(OutagesTest, OfAServerThatDoesNotAnswerAreToldAfterAWhile) {
  say(EndpointState::unreachable);
  EXPECT_EQ(write(), 0U);
  clock.advance(seconds(59));
  EXPECT_EQ(write(), 0U);
  clock.advance(seconds(1));
  EXPECT_EQ(write(), 1U);
  EXPECT_EQ(letters("body LIKE '%ehi_server.unreachable%'"), "1");
  say(EndpointState::refused);
  EXPECT_EQ(write(), 1U) << "now it takes something else to mend it";
  say(EndpointState::unreachable);
  clock.advance(minutes(5));
  EXPECT_EQ(write(), 0U) << "that was told";
  EXPECT_EQ(letters(), "4");
  EXPECT_EQ(raw().ask("SELECT COUNT(*) FROM ehi_outages"), "1");
}

TEST_F(OutagesTest, ThatComeAndGoAreOne) {
  for (int i = 0; i < 20; ++i) {
    say(EndpointState::refused);
    write();
    clock.advance(minutes(4));
    say(EndpointState::up);
    write();
    clock.advance(minutes(4));
  }
  EXPECT_EQ(letters(), "2");
  clock.advance(minutes(6));
  EXPECT_EQ(write(), 1U);
  EXPECT_EQ(letters(), "4");
}

TEST_F(OutagesTest, AreNotToldAllDayLong) {
  for (int i = 0; i < kOutagesToldADay + 3; ++i) {
    say(EndpointState::refused);
    EXPECT_EQ(write(), 1U);
    EXPECT_EQ(write(), 0U);
    say(EndpointState::up);
    clock.advance(minutes(11));
    EXPECT_EQ(write(), 1U);
  }
  EXPECT_EQ(letters(), std::to_string(kOutagesToldADay * 4));
  clock.advance(std::chrono::hours(24));
  say(EndpointState::refused);
  EXPECT_EQ(write(), 1U);
  EXPECT_EQ(letters(), std::to_string(kOutagesToldADay * 4 + 2));
}

TEST_F(OutagesTest, ThatLapseAreOverAndNobodyIsTold) {
  say(EndpointState::refused);
  EXPECT_EQ(write(), 1U);
  clock.advance(kTroubleLapse + minutes(1));
  EXPECT_EQ(write(), 1U);
  EXPECT_EQ(letters(), "2");
  EXPECT_EQ(audited("ehi_server.lapsed"), "1");
  say(EndpointState::refused);
  EXPECT_EQ(write(), 1U) << "it is heard of again";
  EXPECT_EQ(letters(), "4");
}

TEST_F(OutagesTest, OfARemovedServerAreOver) {
  say(EndpointState::refused);
  EXPECT_EQ(write(), 1U);
  ASSERT_TRUE(EhiServers(office().ledger, random).remove(admin(), slug("acme"), server_));
  EXPECT_EQ(write(), 1U);
  EXPECT_EQ(write(), 0U);
  EXPECT_EQ(letters(), "2");
}

TEST_F(OutagesTest, AreThoseOfTheEnvironmentAContactIsFor) {
  add("acme", Environment::uat);
  say(EndpointState::refused, "acme", Environment::uat);
  EXPECT_EQ(write(), 1U);
  EXPECT_EQ(letters(), "1") << "not to the contact of an application in production";
  EXPECT_EQ(letters("channel = 'mail'"), "1");
}

TEST_F(OutagesTest, AreHeldBackWhereItIsRatherOurOwnNetwork) {
  for (std::size_t i = 0; i <= kUnreachableAtOnce; ++i) {
    const std::string organisation = "partner-" + std::to_string(i);
    ASSERT_TRUE(office().directory.create_organisation(admin(), slug(organisation.c_str()), "A partner"));
    add(organisation);
    say(EndpointState::unreachable, organisation);
  }
  say(EndpointState::refused);
  clock.advance(minutes(2));
  EXPECT_EQ(write(), 1U) << "what was refused answers";
  const auto lines = log.lines();
  EXPECT_TRUE(std::ranges::any_of(
      lines, [](const std::string& line) { return line.find("ehi_servers.many_unreachable") != line.npos; }));
  say(EndpointState::up, "partner-0");
  EXPECT_EQ(write(), kUnreachableAtOnce);
}

TEST_F(OutagesTest, AreNotToldWhereTheyCannotBeAudited) {
  say(EndpointState::refused);
  ASSERT_TRUE(raw().refuse_audit());
  EXPECT_FALSE(outages().write());
  EXPECT_EQ(letters(), "0");
  ASSERT_TRUE(raw().take_audit());
  EXPECT_EQ(write(), 1U);
  EXPECT_EQ(outages(false).write().value_or(9), 0U);
}

}  // namespace
}  // namespace countersign::authority
