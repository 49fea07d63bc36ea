// What senders say of partners' servers is kept with the server it is about, and with no other.
#include "authority/ehi/troubles.h"

#include "authority/ehi/servers.h"
#include "authority/fixture_test.h"

namespace countersign::authority {
namespace {

using base::Environment;
using feed::EndpointState;
using std::chrono::minutes;
using State = EhiCondition::State;

class EhiTroublesTest : public AuthorityTest {
 protected:
  void SetUp() override {
    AuthorityTest::SetUp();
    ASSERT_TRUE(office().directory.create_organisation(admin(), slug("globex"), "Globex"));
    decide_ = add("https://host.acme.example/decide");
    clock.advance(std::chrono::seconds(1));
    advice_ = add("https://HOST.acme.example:443/advice");
    uat_ = add("https://uat.acme.example/decide", Environment::uat);
  }
  std::string add(const std::string& url, Environment environment = Environment::production,
                  const char* organisation = "acme") {
    const auto row = EhiServers(office().ledger, random).add(admin(), {slug(organisation), environment, url});
    EXPECT_TRUE(row) << base::to_string(row.error());
    return row ? row->id : "";
  }
  feed::EndpointReport report(const std::string& url, EndpointState state = EndpointState::refused) {
    feed::EndpointReport one{Environment::production, slug("acme"), url, "acme-cards", "decisions"};
    one.state = state;
    if (state == EndpointState::up) return one;
    one.code = state == EndpointState::refused ? "ehi.refused" : "ehi.unreachable";
    if (state == EndpointState::refused) one.reason = trust::Reason::expired;
    one.detail = "from 10.1.2.3";
    one.times = 3;
    one.first = one.last = office().ledger.now();
    return one;
  }
  NotedReports note(std::vector<feed::EndpointReport> reports, const std::string& sender = "ehi") {
    auto noted = note_endpoint_reports(office().ledger, sender, reports);
    EXPECT_TRUE(noted) << base::to_string(noted.error());
    return noted.value_or(NotedReports{99, {}});
  }
  EhiCondition condition(const std::string& server) {
    auto rows = office().ledger.read().value();
    const auto troubles = store::list_ehi_troubles(rows, {.servers = {server}, .limit = 100}).value();
    return condition_of(troubles, {.now = office().ledger.now()});
  }
  std::string state(const std::string& server) { return std::string(name(condition(server).state)); }

  std::string decide_, advice_, uat_;
};

TEST_F(EhiTroublesTest, AreOfTheServerThatIsCalled) {
  struct Row {
    const char* name;
    const char* url;
    Environment environment;
    const char* organisation;
    std::string* server;  ///< null: nobody's
  };
  const Row rows[] = {
      {"its URL", "https://host.acme.example/decide", Environment::production, "acme", &decide_},
      {"another URL of it", "https://host.acme.example:443/advice", Environment::production, "acme", &advice_},
      {"a URL at the same place", "https://host.acme.example/cut-off", Environment::production, "acme", &decide_},
      {"another environment", "https://uat.acme.example/decide", Environment::uat, "acme", &uat_},
      {"not there", "https://uat.acme.example/decide", Environment::production, "acme", nullptr},
      {"another port", "https://host.acme.example:8443/decide", Environment::production, "acme", nullptr},
      {"another host", "https://evil.example/decide", Environment::production, "acme", nullptr},
      {"another organisation's", "https://host.acme.example/decide", Environment::production, "globex", nullptr},
      {"nobody's", "https://host.acme.example/decide", Environment::production, "initech", nullptr},
      {"no URL", "host.acme.example", Environment::production, "acme", nullptr},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    auto one = report(row.url);
    one.environment = row.environment;
    one.organisation = slug(row.organisation);
    const NotedReports noted = note({one});
    EXPECT_EQ(noted.noted, row.server == nullptr ? 0U : 1U);
    EXPECT_EQ(noted.unknown.size(), row.server == nullptr ? 1U : 0U);
    for (std::string* server : {&decide_, &advice_, &uat_})
      EXPECT_EQ(state(*server), server == row.server ? "refused" : "unknown");
    ASSERT_TRUE(raw().run("DELETE FROM ehi_troubles"));
  }
}

TEST_F(EhiTroublesTest, EndWhenItsSenderSaysSo) {
  const std::string url = "https://host.acme.example/decide";
  EXPECT_EQ(note({report(url, EndpointState::up)}).noted, 0U) << "nothing to end";
  note({report(url)});
  EXPECT_EQ(condition(decide_).times, 3);
  EXPECT_EQ(condition(decide_).reason, "expired");
  note({report(url, EndpointState::unreachable)}, "ehi-two");
  EXPECT_EQ(state(decide_), "refused") << "which says more";
  EXPECT_EQ(condition(decide_).times, 6);
  clock.advance(minutes(1));
  note({report(url, EndpointState::up)});
  EXPECT_EQ(state(decide_), "unreachable") << "from the other sender";
  note({report(url, EndpointState::up)}, "ehi-two");
  EXPECT_EQ(state(decide_), "up");
  EXPECT_EQ(condition(decide_).since, office().ledger.now());
}

TEST_F(EhiTroublesTest, GoOnThroughARestartOfTheSender) {
  const std::string url = "https://host.acme.example/decide";
  const base::Instant first = office().ledger.now();
  note({report(url)});
  clock.advance(minutes(5));
  auto again = report(url);
  again.times = 1;
  note({again});
  EXPECT_EQ(condition(decide_).since, first);
  EXPECT_EQ(condition(decide_).times, 3);
  note({report(url, EndpointState::up)});
  note({again});
  EXPECT_EQ(condition(decide_).since, first + minutes(5)) << "another trouble";
}

TEST_F(EhiTroublesTest, LapseWhenNobodyRepeatsThem) {
  note({report("https://host.acme.example/decide")});
  clock.advance(kTroubleLapse);
  EXPECT_EQ(state(decide_), "refused");
  clock.advance(minutes(1));
  EXPECT_EQ(state(decide_), "unknown");
  clock.advance(kTroubleMemory);
  note({report("https://uat.acme.example/decide", EndpointState::up)});
  EXPECT_EQ(raw().ask("SELECT COUNT(*) FROM ehi_troubles"), "0");
}

TEST_F(EhiTroublesTest, ThatLapsedSayNothingWhereSomebodyWasHeardSince) {
  note({report("https://host.acme.example/decide")}, "ehi-one");
  clock.advance(minutes(5));
  note({report("https://host.acme.example/decide")}, "ehi-two");
  clock.advance(minutes(1));
  const auto up_at = office().ledger.now();
  note({report("https://host.acme.example/decide", EndpointState::up)}, "ehi-two");
  EXPECT_EQ(state(decide_), "refused") << "at the other";
  clock.advance(kTroubleLapse);
  EXPECT_EQ(state(decide_), "up") << "the newest that was said";
  EXPECT_EQ(condition(decide_).since, up_at);
  note({report("https://host.acme.example/decide")}, "ehi-three");
  clock.advance(kTroubleLapse + minutes(1));
  EXPECT_EQ(state(decide_), "unknown") << "the newest is what lapsed";
}

TEST_F(EhiTroublesTest, LapseForWhoWasThereToHearThem) {
  note({report("https://host.acme.example/decide")});
  const auto heard_at = office().ledger.now();
  auto rows = office().ledger.read().value();
  const auto troubles = store::list_ehi_troubles(rows, {.servers = {decide_}, .limit = 100}).value();
  const auto after = [&](int hours, base::Duration there) {
    const auto now = heard_at + std::chrono::hours(hours);
    return name(condition_of(troubles, {.now = now, .since = now - there}).state);
  };
  EXPECT_EQ(after(1, minutes(0)), "refused");
  EXPECT_EQ(after(1, kTroubleLapse), "refused");
  EXPECT_EQ(after(1, kTroubleLapse + minutes(1)), "unknown");
}

/// Whoever issues does not wait for a sender with much to tell.
TEST_F(EhiTroublesTest, HoldUpNoAmendment) {
  if (!testing::on_postgresql()) GTEST_SKIP() << "a registry in a file has one lock, and one authority";
  auto another = store::Registry::open(testing::registry_at(DataFolder(data()).registry())).value();
  auto amending = another.begin();
  ASSERT_TRUE(amending);
  EXPECT_EQ(note({report("https://host.acme.example/decide")}).noted, 1U);
  ASSERT_TRUE(amending->commit());
}

TEST_F(EhiTroublesTest, AreBoundedAndNotOfTheFuture) {
  std::vector<feed::EndpointReport> many;
  for (int i = 0; i < kTroublesOfServer + 5; ++i) {
    many.push_back(report("https://host.acme.example/decide"));
    many.back().endpoint = "acme-" + std::to_string(i);
    many.back().first = many.back().last = office().ledger.now() + minutes(60);
  }
  note(many);
  EXPECT_EQ(raw().ask("SELECT COUNT(*) FROM ehi_troubles"), std::to_string(kTroublesOfServer));
  EXPECT_EQ(condition(decide_).since, office().ledger.now());
}

TEST(TroubleWordsFor, EveryCodeAndReason) {
  for (const feed::EndpointTrouble& one : feed::endpoint_troubles())
    EXPECT_EQ(words_for(std::string(one.code), std::nullopt).remedy, one.remedy);
  EXPECT_EQ(words_for("ehi.refused", "expired").remedy,
            trust::explanation(trust::Reason::expired).remedy(trust::Party::server));
  EXPECT_EQ(words_for("ehi.of_tomorrow", std::nullopt).remedy, "");
}

}  // namespace
}  // namespace countersign::authority
