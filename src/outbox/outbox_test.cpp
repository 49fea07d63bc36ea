// Each promise of the outbox by itself, on both engines; random histories are in histories_test.cpp, what several
// senders do to each other in shared_test.cpp.
#include "outbox/outbox.h"

#include <fstream>

#include <gtest/gtest.h>

#include "outbox/outbox_at_test.h"
#include "testing/fake_clock.h"
#include "testing/folder.h"

namespace countersign::outbox {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr base::Instant kNow = base::Instant::from_unix_seconds(1'781'524'800);

class OutboxTest : public ::testing::Test {
 protected:
  OutboxTest() { reopen(); }
  void reopen() {
    outbox_.reset();
    auto opened = Outbox::open(outbox_at(folder_ / "outbox.db"));
    ASSERT_TRUE(opened) << base::to_string(opened.error());
    outbox_.emplace(std::move(*opened));
  }
  static Draft draft(std::string key, std::string order_key = "") {
    return {.endpoint = "acme",
            .key = std::move(key),
            .order_key = std::move(order_key),
            .kind = "advice",
            .fields = {{"Content-Type", "application/json"}},
            .body = std::string("{\"n\":1}\0\xff", 9),
            .keep = hours(72)};
  }
  base::Result<Outbox::Accepted> put(const Draft& one) {
    const std::vector<Draft> drafts{one};
    auto put = outbox_->put_all(drafts, clock_.now());
    if (!put) return base::unexpected(put.error());
    return put->front();
  }
  std::vector<Message> claim(std::int64_t limit = 10) {
    auto claimed =
        outbox_->claim({.endpoint = "acme", .limit = limit, .attempt_time = seconds(5), .pace = pace_}, clock_.now());
    EXPECT_TRUE(claimed) << base::to_string(claimed.error());
    return claimed ? std::move(*claimed) : std::vector<Message>();
  }
  void settle(const Message& message, const std::string& error = "") {
    const std::vector<Outbox::Settlement> all{{.id = message.id,
                                               .endpoint = "acme",
                                               .order_key = message.content.order_key,
                                               .attempts = message.attempts,
                                               .error = error,
                                               .pace = pace_}};
    ASSERT_TRUE(outbox_->settle_all(all, clock_.now()));
  }
  Outbox::Count counts_of_acme() {
    auto counts = outbox_->counts();
    EXPECT_TRUE(counts);
    return counts ? (*counts)["acme"] : Outbox::Count();
  }
  static std::vector<std::string> keys(const std::vector<Message>& messages) {
    std::vector<std::string> all;
    for (const Message& message : messages)
      all.push_back(message.content.key);
    return all;
  }
  using Keys = std::vector<std::string>;

  testing::Folder folder_;
  testing::FakeClock clock_{kNow};
  Pace pace_;
  std::optional<Outbox> outbox_;
};

TEST_F(OutboxTest, WhatWasPutIsThereAfterAnotherStart) {
  ASSERT_TRUE(put(draft("k1")));
  reopen();
  EXPECT_EQ(counts_of_acme().waiting, 1);
  const auto due = claim();
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due[0].content.body, draft("k1").body);
  EXPECT_EQ(due[0].content.fields, draft("k1").fields);
  EXPECT_EQ(due[0].attempts, 1);
}

TEST_F(OutboxTest, BytesOfAnyKindComeBackAsTheyWere) {
  Draft odd = draft("k1");
  odd.fields = {{"X-Latin", "caf\xe9"}, {"X-Empty", ""}};
  odd.body = std::string("\0\xff\\'\"?$1", 9);
  ASSERT_TRUE(put(odd));
  Draft empty = draft("k2");
  empty.body.clear();
  ASSERT_TRUE(put(empty));
  auto due = claim();
  ASSERT_EQ(due.size(), 2U);
  EXPECT_EQ(due[0].content.body, odd.body);
  EXPECT_EQ(due[0].content.fields, odd.fields);
  EXPECT_EQ(due[1].content.body, "");
  settle(due[0], "said \xe9?");
  EXPECT_EQ((*outbox_->find(due[0].id))->last_error, "said \xe9?");
}

TEST_F(OutboxTest, AKeyStandsForOneContent) {
  const auto first = put(draft("k1"));
  const auto again = put(draft("k1"));
  ASSERT_TRUE(first && again);
  EXPECT_FALSE(first->repeated);
  EXPECT_TRUE(again->repeated);
  EXPECT_EQ(first->id, again->id);
  Draft other = draft("k1");
  other.body += "x";
  EXPECT_EQ(put(other).error().code, "outbox.key_reused");
  other.endpoint = "globex";
  EXPECT_TRUE(put(other)) << "another endpoint has keys of its own";
  settle(claim().at(0));
  EXPECT_TRUE(put(draft("k1"))->repeated) << "also once it was delivered";
}

TEST_F(OutboxTest, PausesGrow) {
  ASSERT_TRUE(put(draft("k1")));
  std::vector<std::int64_t> pauses;
  for (int i = 0; i < 12; ++i) {
    auto due = claim();
    ASSERT_EQ(due.size(), 1U);
    EXPECT_EQ(due[0].attempts, i + 1);
    settle(due[0], "ehi.timeout");
    const auto found = outbox_->find(due[0].id);
    ASSERT_TRUE(found && *found);
    EXPECT_EQ((*found)->last_error, "ehi.timeout");
    pauses.push_back(((*found)->due_at - clock_.now()).count() / 60'000'000);
    EXPECT_TRUE(claim().empty());
    clock_.set((*found)->due_at);
  }
  EXPECT_EQ(pauses, (std::vector<std::int64_t>{2, 2, 2, 2, 2, 4, 8, 16, 32, 60, 60, 60}));
}

TEST_F(OutboxTest, WhatWasClaimedIsNobodyElsesUntilSettled) {
  ASSERT_TRUE(put(draft("k1")));
  const auto due = claim();
  clock_.advance(hours(1));
  EXPECT_TRUE(claim().empty()) << "its attempt may still be under way, whatever the clock says";
  settle(due.at(0), "late");
  clock_.advance(minutes(2));
  EXPECT_EQ(claim().size(), 1U);
}

TEST_F(OutboxTest, AnAttemptThatSomebodyCountedOnFromSettlesNothingButItsSuccess) {
  ASSERT_TRUE(put(draft("k1")));
  const auto first = claim();
  reopen();  // it died
  clock_.advance(minutes(3));
  const auto second = claim();
  ASSERT_EQ(second.size(), 1U);
  settle(first.at(0), "too late to say so");
  EXPECT_EQ((*outbox_->find(first[0].id))->last_error, "");
  EXPECT_EQ((*outbox_->find(first[0].id))->due_at, clock_.now() + seconds(5) + minutes(2)) << "the second one's pause";
  settle(first.at(0));
  EXPECT_EQ((*outbox_->find(first[0].id))->state, State::delivered) << "what the partner took, it took";
}

TEST_F(OutboxTest, AClaimThatDiedWithItsProcessIsDueAgainWithAHigherNumber) {
  ASSERT_TRUE(put(draft("k1")));
  ASSERT_EQ(claim().at(0).attempts, 1);
  reopen();
  EXPECT_TRUE(claim().empty()) << "not at once: the process may die of it each time";
  clock_.advance(minutes(3));
  EXPECT_EQ(claim().at(0).attempts, 2);
}

TEST_F(OutboxTest, OrderHoldsForOneKeyAndHindersNobodyElse) {
  for (const auto& [key, order] : std::vector<std::pair<std::string, std::string>>{
           {"a1", "A"}, {"a2", "A"}, {"b1", "B"}, {"free", ""}, {"a3", "A"}})
    ASSERT_TRUE(put(draft(key, order)));
  auto due = claim();
  EXPECT_EQ(keys(due), (Keys{"a1", "b1", "free"}));
  settle(due[0], "no");
  clock_.advance(minutes(2));
  due = claim();
  EXPECT_EQ(keys(due), Keys{"a1"}) << "the next one waits until it was delivered";
  settle(due[0]);
  due = claim();
  EXPECT_EQ(keys(due), Keys{"a2"});
  settle(due[0]);
  EXPECT_EQ(keys(claim()), Keys{"a3"});
}

TEST_F(OutboxTest, WhatIsOverDiesVisiblyAndLetsTheNextOneGo) {
  ASSERT_TRUE(put(draft("a1", "A")));
  clock_.advance(hours(1));
  ASSERT_TRUE(put(draft("a2", "A")));
  clock_.advance(hours(71));
  const auto swept = outbox_->sweep(clock_.now());
  ASSERT_TRUE(swept);
  EXPECT_EQ(keys(swept->dead), Keys{"a1"});
  EXPECT_EQ(counts_of_acme().dead, 1);
  EXPECT_EQ(keys(claim()), Keys{"a2"});
  const auto dead = outbox_->list({.state = State::dead});
  ASSERT_TRUE(dead);
  EXPECT_EQ(keys(*dead), Keys{"a1"});
  clock_.advance(hours(24 * 365));
  ASSERT_TRUE(outbox_->sweep(clock_.now()));
  EXPECT_EQ(outbox_->list({.state = State::dead})->size(), 1U) << "dead letters do not go away by themselves";
}

TEST_F(OutboxTest, WhatWasDeliveredIsForgottenInTime) {
  ASSERT_TRUE(put(draft("k1")));
  settle(claim().at(0));
  const auto delivered = outbox_->list({});
  ASSERT_EQ(delivered->size(), 1U);
  EXPECT_EQ(delivered->front().state, State::delivered);
  EXPECT_EQ((*outbox_->find(delivered->front().id))->content.body, "") << "the content goes at once";
  clock_.advance(hours(72));
  ASSERT_TRUE(outbox_->sweep(clock_.now()));
  EXPECT_TRUE(outbox_->list({})->empty());
}

TEST_F(OutboxTest, AnOperatorReplaysAndDiscards) {
  const std::int64_t id = put(draft("k1"))->id;
  EXPECT_EQ(outbox_->discard(id).error().code, "outbox.state") << "only dead letters";
  clock_.advance(hours(72));
  ASSERT_TRUE(outbox_->sweep(clock_.now()));
  EXPECT_TRUE(claim().empty());
  EXPECT_EQ(*outbox_->replay_dead("acme", hours(72), clock_.now()), 1);
  EXPECT_EQ(counts_of_acme().dead, 0);
  const auto due = claim();
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due[0].content.body, draft("k1").body);
  settle(due[0]);
  EXPECT_EQ(outbox_->replay(id, hours(72), clock_.now()).error().code, "outbox.state") << "it was delivered";
  EXPECT_EQ(outbox_->replay(99, hours(72), clock_.now()).error().code, "outbox.not_found");
  EXPECT_EQ(outbox_->discard(99).error().code, "outbox.not_found");
}

TEST_F(OutboxTest, AReplayedOneGoesBeforeYoungerOnesOfItsKey) {
  const std::int64_t first = put(draft("a1", "A"))->id;
  clock_.advance(hours(72));
  ASSERT_TRUE(outbox_->sweep(clock_.now()));
  ASSERT_TRUE(put(draft("a2", "A")));
  ASSERT_TRUE(outbox_->replay(first, hours(72), clock_.now()));
  auto due = claim();
  EXPECT_EQ(keys(due), Keys{"a1"});
  settle(due[0]);
  EXPECT_EQ(keys(claim()), Keys{"a2"});
}

TEST_F(OutboxTest, CutoffsCountWhatWasPutSinceTheLast) {
  const Outbox::Cutoff cutoff{.endpoint = "acme", .interval = hours(4), .keep = hours(72)};
  EXPECT_FALSE(*outbox_->put_cutoff(cutoff, clock_.now())) << "the time begins";
  clock_.advance(minutes(1));
  ASSERT_TRUE(put(draft("k1")));
  ASSERT_TRUE(put(draft("k2")));
  settle(claim().at(0));
  EXPECT_FALSE(*outbox_->put_cutoff(cutoff, clock_.now()));
  clock_.advance(hours(4));
  reopen();
  EXPECT_TRUE(*outbox_->put_cutoff(cutoff, clock_.now()));
  EXPECT_FALSE(*outbox_->put_cutoff(cutoff, clock_.now()));
  const auto due = claim();
  ASSERT_FALSE(due.empty());
  EXPECT_EQ(due.back().content.kind, "cutoff");
  EXPECT_NE(due.back().content.body.find(R"("accepted":2,"delivered":1,"waiting":1,"dead":0)"), std::string::npos)
      << due.back().content.body;
}

TEST_F(OutboxTest, ACutoffLeavesOutNothingThatWasPutWhenTheClockWasPutBack) {
  const Outbox::Cutoff cutoff{.endpoint = "acme", .interval = hours(4), .keep = hours(72)};
  ASSERT_FALSE(*outbox_->put_cutoff(cutoff, clock_.now()));
  clock_.set(kNow - hours(1));
  ASSERT_TRUE(put(draft("k1")));
  clock_.set(kNow + hours(4));
  ASSERT_TRUE(*outbox_->put_cutoff(cutoff, clock_.now()));
  const auto due = claim();
  ASSERT_EQ(due.size(), 2U);
  EXPECT_NE(due.back().content.body.find(R"("accepted":1)"), std::string::npos) << due.back().content.body;
}

TEST_F(OutboxTest, CutoffsAndOthersAreClaimedApartWhereThatIsAsked) {
  using Which = Outbox::Claim::Which;
  Draft cutoff = draft("c1");
  cutoff.kind = "cutoff";
  ASSERT_TRUE(put(cutoff));
  ASSERT_TRUE(put(draft("k1")));
  const auto claim_only = [&](Which which) {
    return keys(*outbox_->claim(
        {.endpoint = "acme", .limit = 10, .attempt_time = seconds(5), .pace = pace_, .which = which}, kNow));
  };
  EXPECT_EQ(claim_only(Which::others), Keys{"k1"});
  EXPECT_EQ(claim_only(Which::others), Keys{});
  EXPECT_EQ(claim_only(Which::cutoffs), Keys{"c1"});
  reopen();
  clock_.advance(hours(2));
  EXPECT_EQ(keys(claim()), (Keys{"c1", "k1"}));
}

TEST_F(OutboxTest, WhatMessagesStandForIsOfTheirContent) {
  Draft outcome = draft("k1");
  outcome.stands_for = "approve";
  ASSERT_TRUE(put(outcome));
  EXPECT_TRUE(put(outcome)->repeated);
  outcome.stands_for = "decline";
  EXPECT_EQ(put(outcome).error().code, "outbox.key_reused");
}

TEST_F(OutboxTest, AClockThatWasAheadPutsNothingOffForEver) {
  ASSERT_TRUE(put(draft("k1")));
  clock_.advance(hours(24 * 2));
  settle(claim().at(0), "no");
  clock_.advance(minutes(1));
  EXPECT_TRUE(claim().empty()) << "in its pause";
  clock_.set(kNow);
  EXPECT_EQ(claim().size(), 1U);
}

TEST_F(OutboxTest, ItHoldsOnlySoMuch) {
  outbox_.reset();
  Outbox::Options options = outbox_at(folder_ / "small.db");
  options.messages = 2;
  auto small = Outbox::open(options);
  ASSERT_TRUE(small);
  outbox_.emplace(std::move(*small));
  EXPECT_TRUE(put(draft("k1")));
  EXPECT_TRUE(put(draft("k2")));
  EXPECT_EQ(put(draft("k3")).error().code, "outbox.full");
  EXPECT_TRUE(put(draft("k2"))->repeated) << "what is there already is no new one";
  settle(claim().at(0));
  EXPECT_TRUE(put(draft("k3")));
}

TEST_F(OutboxTest, ASecondProcessIsRefused) {
  if (testing::on_postgresql()) GTEST_SKIP() << "of a file";
  const auto second = Outbox::open({.file = folder_ / "outbox.db"});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, "outbox.in_use");
}

TEST_F(OutboxTest, ADamagedFileIsRefused) {
  if (testing::on_postgresql()) GTEST_SKIP() << "of a file";
  ASSERT_TRUE(put(draft("k1")));
  outbox_.reset();
  std::ofstream(folder_ / "outbox.db", std::ios::binary | std::ios::trunc) << std::string(8192, 'x');
  const auto opened = Outbox::open({.file = folder_ / "outbox.db"});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, "outbox.corrupt");
}

TEST_F(OutboxTest, NobodyElseMayReadTheFile) {
  if (testing::on_postgresql()) GTEST_SKIP() << "of a file";
  const auto mode = std::filesystem::status(folder_ / "outbox.db").permissions();
  EXPECT_EQ(mode, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

}  // namespace
}  // namespace countersign::outbox
