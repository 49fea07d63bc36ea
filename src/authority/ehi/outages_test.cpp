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
           Environment environment = Environment::production, const char* calls = "decisions") {
    feed::EndpointReport one{environment, slug(organisation), "https://" + organisation + ".example/decide",
                             "internal-name", calls};
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
  Outages::Parts parts(bool has_mail = true) { return {office().ledger, random, log.log(), has_mail}; }
  Outages& outages() {
    if (!outages_) outages_.emplace(parts());
    return *outages_;
  }
  void restart() {
    outages_.reset();
    reopen();
  }
  std::size_t write() {
    const auto written = outages().write();
    EXPECT_TRUE(written) << base::to_string(written.error());
    return written.value_or(99);
  }
  /// So many minutes in which an authority looks, as it does; how many it wrote in all.
  std::size_t watch(int many) {
    std::size_t written = 0;
    for (int i = 0; i < many; ++i) {
      clock.advance(minutes(1));
      written += write();
    }
    return written;
  }
  /// Partners `from` to `to`, whose servers do not answer from now on.
  void add_away(int from, int to) {
    for (int i = from; i < to; ++i) {
      const std::string organisation = "partner-" + std::to_string(i);
      ASSERT_TRUE(office().directory.create_organisation(admin(), slug(organisation.c_str()), "A partner"));
      add(organisation);
      say(EndpointState::unreachable, organisation);
    }
  }
  std::string letters(const std::string& where = "1 = 1") {
    return raw().ask("SELECT COUNT(*) FROM letters WHERE " + where);
  }
  std::string audited(const std::string& action) {
    return raw().ask("SELECT COUNT(*) FROM audit WHERE action = '" + action + "'");
  }

  testing::KeptLog log;
  std::string server_;

 private:
  std::optional<Outages> outages_;
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
  restart();
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
  EXPECT_EQ(watch(15), 0U);
  EXPECT_EQ(watch(1), 1U);
  EXPECT_EQ(letters(), "2");
  EXPECT_EQ(audited("ehi_server.lapsed"), "1");
  say(EndpointState::refused);
  EXPECT_EQ(write(), 1U) << "it is heard of again";
  EXPECT_EQ(letters(), "4");
}

/// An authority that was away has heard nobody: that proves nothing about anybody.
TEST_F(OutagesTest, DoNotLapseWhileNobodyWasThereToHear) {
  say(EndpointState::refused);
  EXPECT_EQ(write(), 1U);
  clock.advance(minutes(20));
  restart();
  EXPECT_EQ(write(), 0U);
  say(EndpointState::refused);
  EXPECT_EQ(watch(1), 0U);
  clock.advance(minutes(20));  // the database was, and the authority not
  EXPECT_EQ(write(), 0U);
  EXPECT_EQ(letters(), "2") << "it is one outage, told once";
  EXPECT_EQ(watch(15), 0U);
  EXPECT_EQ(watch(1), 1U) << "it has had the time to hear it";
  EXPECT_EQ(audited("ehi_server.lapsed"), "1");
}

TEST_F(OutagesTest, OfWhatNobodyRepeatsHideNoOther) {
  say(EndpointState::refused, "acme", Environment::production, "decisions-recovery");
  EXPECT_EQ(write(), 1U);
  EXPECT_EQ(watch(16), 1U) << "the sender was restarted under another name";
  say(EndpointState::refused);
  EXPECT_EQ(write(), 1U);
  EXPECT_EQ(letters(), "4");
  say(EndpointState::up);
  EXPECT_EQ(write(), 0U) << "it may come again";
  EXPECT_EQ(watch(9), 0U);
  EXPECT_EQ(watch(1), 1U);
  EXPECT_EQ(audited("ehi_server.recovered"), "1");
  EXPECT_EQ(letters(), "6") << "and that it is over is told";
}

TEST_F(OutagesTest, ThatWereTooManyAreToldWhenTheyGoOn) {
  for (int i = 0; i < kOutagesToldADay; ++i) {
    say(EndpointState::refused);
    EXPECT_EQ(write(), 1U);
    say(EndpointState::up);
    clock.advance(minutes(11));
    EXPECT_EQ(write(), 1U);
  }
  const std::string told = letters();
  const auto first_of_day = kNow;
  std::size_t written = 0;
  for (int i = 0; i < 25 * 12; ++i) {
    say(EndpointState::refused);
    written += write();
    if (office().ledger.now() < first_of_day + std::chrono::hours(24)) EXPECT_EQ(letters(), told);
    clock.advance(minutes(5));
  }
  EXPECT_EQ(written, 2U) << "that it began, and that it is told";
  EXPECT_EQ(letters(), std::to_string(kOutagesToldADay * 4 + 2));
}

TEST_F(OutagesTest, ThatAreOverAreNotToldAfterwards) {
  say(EndpointState::unreachable);
  clock.advance(minutes(1));
  EXPECT_EQ(write(), 1U);
  say(EndpointState::refused);
  EXPECT_EQ(write(), 1U);
  EXPECT_EQ(letters("state = 'pending' AND body LIKE '%ehi_server.refused%'"), "1");
  EXPECT_EQ(letters("state = 'dropped'"), "2") << "it is another trouble by now";
  say(EndpointState::up);
  EXPECT_EQ(watch(10), 1U);
  EXPECT_EQ(letters("state = 'dropped'"), "4");
  EXPECT_EQ(letters("state = 'pending'"), "2");
  EXPECT_EQ(letters("state = 'pending' AND body LIKE '%ehi_server.recovered%'"), "1");
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
  add_away(0, static_cast<int>(kUnreachableAtOnce) + 1);
  say(EndpointState::refused);
  clock.advance(minutes(2));
  EXPECT_EQ(write(), 1U) << "what was refused answers";
  const auto lines = log.lines();
  EXPECT_TRUE(std::ranges::any_of(
      lines, [](const std::string& line) { return line.find("ehi_servers.many_unreachable") != line.npos; }));
  say(EndpointState::up, "partner-0");
  EXPECT_EQ(write(), kUnreachableAtOnce);
}

/// Where few call, a cut of ours shows at one partner after the other.
TEST_F(OutagesTest, AreHeldBackHoweverSlowlyACutShows) {
  constexpr int kMost = static_cast<int>(kUnreachableAtOnce);
  add_away(0, kMost);
  EXPECT_EQ(watch(2), kUnreachableAtOnce);
  add_away(kMost, 2 * kMost);
  EXPECT_EQ(watch(2), 0U);
  for (int i = 0; i < kMost; ++i)
    say(EndpointState::up, "partner-" + std::to_string(i));
  EXPECT_EQ(write(), kUnreachableAtOnce) << "these alone are away";
  EXPECT_EQ(watch(10), kUnreachableAtOnce) << "over";
}

/// Servers that nobody runs any more are no cut of ours.
TEST_F(OutagesTest, AreNotHeldBackForThoseThatAreAwayForLong) {
  constexpr int kMost = static_cast<int>(kUnreachableAtOnce);
  add_away(0, kMost);
  EXPECT_EQ(watch(1), kUnreachableAtOnce);
  for (int i = 0; i < 24 * 6; ++i) {
    clock.advance(minutes(10));
    for (int j = 0; j < kMost; ++j)
      say(EndpointState::unreachable, "partner-" + std::to_string(j));
    EXPECT_EQ(write(), 0U);
  }
  add_away(kMost, kMost + 1);
  EXPECT_EQ(watch(1), 1U);
}

/// However many there are with trouble that was heard of later, each server is looked at.
TEST_F(OutagesTest, AreFoundBehindManyOthers) {
  constexpr int kOthers = kOutagesOfAPage * 2 + 1;
  say(EndpointState::refused);
  EXPECT_EQ(write(), 1U);
  ASSERT_TRUE(office().directory.create_organisation(admin(), slug("globex"), "Globex"));
  auto rows = office().ledger.write_unaudited().value();
  for (int i = 0; i < kOthers; ++i) {
    const std::string number = std::to_string(10'000 + i);
    store::EhiServerRow server{number, "globex", "production", "https://h" + number + "/", "h" + number + ":443", "x"};
    server.created_at = office().ledger.now();
    ASSERT_TRUE(store::insert(rows, server));
    for (const char* endpoint : {"a", "b"}) {
      store::EhiTroubleRow trouble{number, "ehi", endpoint, "decisions", "unreachable", "ehi.unreachable"};
      trouble.first_at = trouble.last_at = trouble.heard_at = office().ledger.now() + seconds(1);
      ASSERT_TRUE(store::put(rows, trouble));
    }
  }
  ASSERT_TRUE(rows.commit());
  clock.advance(minutes(2));
  EXPECT_EQ(write(), kOutagesAtOnce) << "one organisation's";
  EXPECT_EQ(audited("ehi_server.lapsed"), "0") << "acme's is as it was";
  std::size_t written = 0;
  for (std::size_t now = write(); now != 0; now = write())
    written += now;
  EXPECT_EQ(written + kOutagesAtOnce, static_cast<std::size_t>(kOthers)) << "the last of them, too";
}

TEST_F(OutagesTest, AreNotToldWhereTheyCannotBeAudited) {
  say(EndpointState::refused);
  ASSERT_TRUE(raw().refuse_audit());
  EXPECT_FALSE(outages().write());
  EXPECT_EQ(letters(), "0");
  ASSERT_TRUE(raw().take_audit());
  EXPECT_EQ(write(), 1U);
  EXPECT_EQ(Outages(parts(false)).write().value_or(9), 0U);
}

}  // namespace
}  // namespace countersign::authority
