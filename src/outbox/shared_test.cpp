// What several senders do with one outbox (PostgreSQL): nobody gets what another holds, order and keys hold across
// them, what a dead one held is taken over, and a server that goes costs one answer at most.
#include <csignal>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "outbox/outbox_at_test.h"
#include "testing/code_of.h"
#include "testing/fake_clock.h"
#include "testing/folder.h"
#include "testing/postgresql_server.h"

namespace countersign::outbox {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::code_of;

constexpr base::Instant kNow = base::Instant::from_unix_seconds(1'781'524'800);

class SharedOutbox : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!testing::on_postgresql()) GTEST_SKIP() << "of a database";
    one_.emplace(open());
    other_.emplace(open());
  }
  Outbox open() { return Outbox::open(at()).value(); }
  Outbox::Options at() const { return outbox_at(folder_ / "outbox.db"); }
  static Draft draft(std::string key, std::string order_key = "") {
    return {.endpoint = "acme",
            .key = std::move(key),
            .order_key = std::move(order_key),
            .kind = "advice",
            .body = "{}",
            .keep = hours(72)};
  }
  static base::Result<Outbox::Accepted> put(Outbox& outbox, const Draft& one, base::Instant now = kNow) {
    const std::vector<Draft> drafts{one};
    auto put = outbox.put_all(drafts, now);
    if (!put) return base::unexpected(put.error());
    return put->front();
  }
  static std::vector<Message> claim(Outbox& outbox, base::Instant now, std::int64_t limit = 10) {
    auto claimed = outbox.claim({.endpoint = "acme", .limit = limit, .attempt_time = seconds(5), .pace = Pace{}}, now);
    EXPECT_TRUE(claimed) << base::to_string(claimed.error());
    return claimed ? std::move(*claimed) : std::vector<Message>();
  }
  static base::Result<void> settle(Outbox& outbox, const Message& message, base::Instant now) {
    const std::vector<Outbox::Settlement> all{{.id = message.id,
                                               .endpoint = "acme",
                                               .order_key = message.content.order_key,
                                               .attempts = message.attempts,
                                               .error = "",
                                               .pace = Pace{}}};
    return outbox.settle_all(all, now);
  }

  testing::Folder folder_;
  std::optional<Outbox> one_, other_;
};

TEST_F(SharedOutbox, WhatOneHoldsTheOtherDoesNotGet) {
  for (const char* key : {"k1", "k2", "k3"})
    ASSERT_TRUE(put(*one_, draft(key)));
  EXPECT_EQ(claim(*one_, kNow, 2).size(), 2U);
  EXPECT_EQ(claim(*other_, kNow).size(), 1U);
  EXPECT_TRUE(claim(*other_, kNow).empty());
}

TEST_F(SharedOutbox, WhatADeadOneHeldIsTakenOver) {
  ASSERT_TRUE(put(*one_, draft("k1")));
  ASSERT_EQ(claim(*one_, kNow).size(), 1U);
  one_.reset();
  const base::Instant over = kNow + seconds(5) + minutes(2);
  EXPECT_TRUE(claim(*other_, over).empty()) << "its clock may be behind";
  const auto taken = claim(*other_, over + Outbox::kClockTolerance);
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken[0].attempts, 2);
}

TEST_F(SharedOutbox, AClockThatIsBehindTakesNothingAwayFromOneThatIsAhead) {
  const Pace even{.pause = minutes(2), .repeats = 5, .longest_pause = minutes(2)};
  ASSERT_TRUE(put(*one_, draft("k1")));
  const base::Instant ahead = kNow + seconds(4);
  ASSERT_EQ(one_->claim({.endpoint = "acme", .limit = 1, .attempt_time = seconds(5), .pace = even}, ahead)->size(), 1U);
  EXPECT_TRUE(other_->claim({.endpoint = "acme", .limit = 1, .attempt_time = seconds(5), .pace = even}, kNow)->empty());
}

TEST_F(SharedOutbox, OrderHoldsAcrossSenders) {
  ASSERT_TRUE(put(*one_, draft("a1", "A")));
  ASSERT_TRUE(put(*other_, draft("a2", "A")));
  ASSERT_TRUE(put(*one_, draft("b1", "B")));
  const auto first = claim(*one_, kNow, 1);
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].content.key, "a1");
  const auto second = claim(*other_, kNow);
  ASSERT_EQ(second.size(), 1U);
  EXPECT_EQ(second[0].content.key, "b1");
  ASSERT_TRUE(settle(*one_, first[0], kNow));
  const auto third = claim(*other_, kNow);
  ASSERT_EQ(third.size(), 1U);
  EXPECT_EQ(third[0].content.key, "a2");
}

TEST_F(SharedOutbox, AKeyStandsForOneContentWhoeverTookIt) {
  const auto first = put(*one_, draft("k1"));
  const auto again = put(*other_, draft("k1"));
  ASSERT_TRUE(first && again);
  EXPECT_TRUE(again->repeated);
  EXPECT_EQ(first->id, again->id);
  Draft other = draft("k1");
  other.body = "else";
  EXPECT_EQ(code_of(put(*other_, other)), "outbox.key_reused");
}

TEST_F(SharedOutbox, CountsAndLimitAreOfAll) {
  Outbox::Options options = at();
  options.messages = 2;
  other_.emplace(Outbox::open(options).value());
  ASSERT_TRUE(put(*one_, draft("k1")));
  ASSERT_TRUE(put(*one_, draft("k2")));
  EXPECT_EQ(other_->counts()->at("acme").waiting, 2);
  EXPECT_EQ(code_of(put(*other_, draft("k3"))), "outbox.full");
  ASSERT_TRUE(settle(*one_, claim(*one_, kNow, 1).at(0), kNow));
  EXPECT_EQ(code_of(put(*other_, draft("k3"))), "ok");
}

TEST_F(SharedOutbox, CountsStayWhatTheyAreWhenTheyAreSummedUp) {
  testing::RawRegistry raw(folder_ / "outbox.db");
  ASSERT_TRUE(put(*one_, draft("k1")));
  ASSERT_TRUE(
      raw.run("INSERT INTO countersign_outbox.count_changes (endpoint, waiting, dead)"
              " SELECT 'acme', 1, -1 FROM generate_series(1, 600)"));
  ASSERT_TRUE(other_->sweep(kNow));
  EXPECT_EQ(raw.ask("SELECT COUNT(*) FROM countersign_outbox.count_changes"), "1");
  EXPECT_EQ(one_->counts()->at("acme").waiting, 601);
  EXPECT_EQ(one_->counts()->at("acme").dead, -600);
}

TEST_F(SharedOutbox, OneCutoffForAll) {
  const Outbox::Cutoff cutoff{.endpoint = "acme", .interval = hours(4), .keep = hours(72)};
  EXPECT_FALSE(*one_->put_cutoff(cutoff, kNow));
  EXPECT_TRUE(*one_->put_cutoff(cutoff, kNow + hours(4)));
  EXPECT_FALSE(*other_->put_cutoff(cutoff, kNow + hours(4)));
}

TEST_F(SharedOutbox, ACutoffLeavesOutNothingThatWasPutByAClockThatIsBehind) {
  const Outbox::Cutoff cutoff{.endpoint = "acme", .interval = hours(4), .keep = hours(72)};
  const base::Instant first = kNow + hours(4);
  ASSERT_FALSE(*one_->put_cutoff(cutoff, kNow));
  ASSERT_TRUE(put(*other_, draft("k1"), first - seconds(2)));
  ASSERT_TRUE(*one_->put_cutoff(cutoff, first));
  ASSERT_TRUE(put(*other_, draft("k2"), first - seconds(1)));
  ASSERT_TRUE(put(*other_, draft("k3"), first));
  ASSERT_TRUE(put(*other_, draft("k4"), first + seconds(1)));
  ASSERT_TRUE(*one_->put_cutoff(cutoff, first + hours(4)));
  std::vector<std::string> accepted;
  const auto all = one_->list({});
  ASSERT_TRUE(all);
  for (const Message& message : *all) {
    const auto whole = one_->find(message.id);
    const std::string& body = (*whole)->content.body;
    if (message.content.kind == "cutoff") accepted.push_back(body.substr(body.find("\"accepted\":"), 12));
  }
  EXPECT_EQ(accepted, (std::vector<std::string>{"\"accepted\":1", "\"accepted\":3"}));
}

TEST_F(SharedOutbox, WhatAnotherIsTryingDoesNotDieUnderIt) {
  Draft mortal = draft("k1");
  mortal.keep = seconds(3);
  ASSERT_TRUE(put(*one_, mortal));
  const auto held = claim(*one_, kNow);
  ASSERT_EQ(held.size(), 1U);
  EXPECT_TRUE(other_->sweep(kNow + seconds(4))->dead.empty());
  ASSERT_TRUE(settle(*one_, held[0], kNow + seconds(4)));
  EXPECT_EQ((*other_->find(held[0].id))->state, State::delivered);
}

TEST_F(SharedOutbox, ReplayedWhileAnotherTriesItIsNotTriedTwiceAtOnce) {
  ASSERT_TRUE(put(*one_, draft("k1")));
  const auto held = claim(*one_, kNow);
  ASSERT_TRUE(other_->replay(held.at(0).id, hours(1), kNow));
  EXPECT_TRUE(claim(*other_, kNow + seconds(10)).empty());
}

TEST_F(SharedOutbox, SendersAtWorkAtOnceGetEachMessageOnce) {
  constexpr int kMessages = 200;
  for (int i = 0; i < kMessages; ++i)
    ASSERT_TRUE(put(*one_, draft("k" + std::to_string(i), "o" + std::to_string(i % 7))));
  std::vector<std::vector<std::int64_t>> got(2);
  const auto work = [&](Outbox& outbox, std::vector<std::int64_t>& ids) {
    for (int idle = 0; idle < 50;) {
      const auto due = claim(outbox, kNow, 3);
      idle = due.empty() ? idle + 1 : 0;
      for (const Message& message : due) {
        ids.push_back(message.id);
        EXPECT_TRUE(settle(outbox, message, kNow));
      }
    }
  };
  std::thread second([&] { work(*other_, got[1]); });
  work(*one_, got[0]);
  second.join();
  std::set<std::int64_t> all(got[0].begin(), got[0].end());
  all.insert(got[1].begin(), got[1].end());
  EXPECT_EQ(all.size(), static_cast<std::size_t>(kMessages));
  EXPECT_EQ(got[0].size() + got[1].size(), static_cast<std::size_t>(kMessages)) << "none twice";
  EXPECT_EQ(one_->counts()->at("acme").waiting, 0);
}

TEST_F(SharedOutbox, SendersThatPutTheSameKeysAtOnceAgreeOnOneMessageEach) {
  std::vector<Draft> forwards, backwards;
  for (int i = 0; i < 60; ++i) {
    forwards.push_back(draft("k" + std::to_string(i)));
    forwards.back().endpoint = i % 2 == 0 ? "acme" : "globex";
  }
  backwards.assign(forwards.rbegin(), forwards.rend());
  base::Result<std::vector<base::Result<Outbox::Accepted>>> theirs = std::vector<base::Result<Outbox::Accepted>>();
  std::thread second([&] { theirs = other_->put_all(backwards, kNow); });
  const auto ours = one_->put_all(forwards, kNow);
  second.join();
  ASSERT_TRUE(ours && theirs);
  for (std::size_t i = 0; i < forwards.size(); ++i) {
    ASSERT_TRUE((*ours)[i] && (*theirs)[59 - i]);
    EXPECT_EQ((*ours)[i]->id, (*theirs)[59 - i]->id);
    EXPECT_NE((*ours)[i]->repeated, (*theirs)[59 - i]->repeated);
  }
}

TEST_F(SharedOutbox, AServerThatWasRestartedCostsNothing) {
  ASSERT_TRUE(put(*one_, draft("k1")));
  const auto held = claim(*one_, kNow);
  testing::PostgresqlServer::shared().stop();
  EXPECT_EQ(code_of(put(*one_, draft("k2"))), "outbox.unavailable");
  testing::PostgresqlServer::shared().start();
  ASSERT_TRUE(settle(*other_, held.at(0), kNow)) << "a connection that was lost is made again";
  EXPECT_EQ(code_of(put(*other_, draft("k2"))), "ok");
  EXPECT_EQ((*other_->find(held[0].id))->state, State::delivered);
}

TEST_F(SharedOutbox, ASessionThatWasEndedIsMadeAgain) {
  testing::RawRegistry raw(folder_ / "outbox.db");
  ASSERT_TRUE(put(*one_, draft("k1")));
  ASSERT_TRUE(
      raw.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
              " WHERE datname = current_database() AND pid <> pg_backend_pid()"));
  EXPECT_EQ(code_of(put(*one_, draft("k2"))), "ok");
  EXPECT_EQ(claim(*other_, kNow).size(), 2U);
  ASSERT_TRUE(
      raw.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
              " WHERE datname = current_database() AND pid <> pg_backend_pid()"));
  EXPECT_TRUE(one_->counts());
  EXPECT_EQ(other_->list({})->size(), 2U);
}

TEST_F(SharedOutbox, ASessionThatStandsStillIsGivenUp) {
  testing::RawRegistry raw(folder_ / "outbox.db");
  Outbox::Options options = at();
  options.patience = std::chrono::milliseconds(500);
  other_.reset();
  one_.emplace(Outbox::open(options).value());
  const std::string still = raw.ask(
      "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
      " AND backend_type = 'client backend' ORDER BY backend_start DESC LIMIT 1");
  ASSERT_FALSE(still.empty());
  const pid_t session = std::stoi(still);
  ASSERT_EQ(::kill(session, SIGSTOP), 0);
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(code_of(put(*one_, draft("k1"))), "ok") << "over another connection";
  EXPECT_LT(std::chrono::steady_clock::now() - began, seconds(5));
  ASSERT_EQ(::kill(session, SIGCONT), 0);
}

TEST_F(SharedOutbox, ADatabaseThatHoldsTheRegistryIsRefused) {
  testing::RawRegistry raw(folder_ / "outbox.db");
  ASSERT_TRUE(raw.run("CREATE SCHEMA countersign"));
  EXPECT_EQ(code_of(Outbox::open(at())), "outbox.unfit_server");
  ASSERT_TRUE(raw.run("DROP SCHEMA countersign"));
  EXPECT_EQ(code_of(Outbox::open(at())), "ok");
}

TEST_F(SharedOutbox, AClockThatIsWrongIsRefused) {
  const testing::FakeClock wrong{kNow};
  const base::SystemClock right;
  Outbox::Options options = at();
  options.clock = &wrong;
  EXPECT_EQ(code_of(Outbox::open(options)), "outbox.clock");
  options.clock = &right;
  EXPECT_EQ(code_of(Outbox::open(options)), "ok");
}

TEST_F(SharedOutbox, OneOfANewerReleaseIsRefused) {
  testing::RawRegistry raw(folder_ / "outbox.db");
  ASSERT_TRUE(raw.run("UPDATE countersign_outbox.version SET number = 99"));
  EXPECT_EQ(code_of(Outbox::open(at())), "outbox.too_new");
}

}  // namespace
}  // namespace countersign::outbox
