// Random histories: senders that die, partners that answer, do not, or answer into the void, clocks that jump,
// operators who replay. Whatever happened, every message that was accepted was seen by the partner or is a dead letter,
// and those with one order key go one after the other. On PostgreSQL two senders share the outbox.
// COUNTERSIGN_HISTORIES says how many (100,000 take some minutes).
#include <array>
#include <cstdlib>
#include <iterator>
#include <random>

#include <gtest/gtest.h>

#include "outbox/outbox_at_test.h"
#include "testing/fake_clock.h"
#include "testing/folder.h"

namespace countersign::outbox {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

constexpr int kSteps = 40;
constexpr std::array<const char*, 2> kEndpoints = {"acme", "globex"};
constexpr std::array<const char*, 3> kOrders = {"", "A", "B"};

int histories() {
  const char* asked = std::getenv("COUNTERSIGN_HISTORIES");  // NOLINT(concurrency-mt-unsafe)
  return asked != nullptr ? std::atoi(asked) : testing::on_postgresql() ? 60 : 2000;
}

/// One sender, or those that share an outbox; its disk, and its partners.
class History {
 public:
  explicit History(unsigned seed, const std::filesystem::path& file) : dice_(seed), file_(file) {
    for (std::size_t sender = 0; sender < senders_.size(); ++sender)
      start(sender);
  }

  void live() {
    for (int i = 0; i < kSteps && !::testing::Test::HasFailure(); ++i)
      step();
  }
  /// The partners are well again, and time passes.
  void end_well() {
    for (int i = 0; i < 200 && waiting() > 0; ++i) {
      settle_all_in_flight(100);
      for (const char* endpoint : kEndpoints) {
        choose();
        claim(endpoint, 50);
      }
      settle_all_in_flight(100);
      if (i % 8 == 7) clock_.advance(hours(1));
      ASSERT_TRUE(outbox().sweep(clock_.now()));
    }
    EXPECT_EQ(waiting(), 0);
    for (const auto& [id, message] : accepted_)
      EXPECT_TRUE(message.seen > 0 || message.discarded || state_of(id) == State::dead)
          << "message " << id << " is lost";
    check_counts();
  }

 private:
  struct Accepted {
    std::string endpoint, order_key;
    int seen = 0;
    std::int64_t attempt = 0;
    bool discarded = false;
  };

  struct InFlight {
    std::size_t sender;
    Message message;
  };

  int roll(int sides) { return std::uniform_int_distribution<int>(0, sides - 1)(dice_); }

  Outbox& outbox() { return *senders_[chosen_]; }
  void choose() { chosen_ = static_cast<std::size_t>(roll(static_cast<int>(senders_.size()))); }

  void start(std::size_t sender) {
    senders_[sender].reset();
    std::erase_if(in_flight_, [&](const InFlight& one) { return one.sender == sender; });
    auto opened = Outbox::open(outbox_at(file_));
    ASSERT_TRUE(opened) << base::to_string(opened.error());
    senders_[sender].emplace(std::move(*opened));
  }

  void step() {
    choose();
    const int dice = roll(100);
    if (dice < 35) put();
    else if (dice < 60) claim(kEndpoints[static_cast<std::size_t>(roll(2))], 1 + roll(4));
    else if (dice < 80) settle_all_in_flight(60);
    else if (dice < 88) clock_.advance(seconds(roll(2 * 3600)));
    else if (dice < 90) clock_.set(clock_.now() - hours(roll(48)));
    else if (dice < 92) clock_.advance(hours(roll(96)));
    else if (dice < 95) ASSERT_TRUE(outbox().sweep(clock_.now()));
    else if (dice < 97) operate();
    else start(chosen_);  // kill -9: nothing in memory is left
  }

  void put() {
    Draft draft{.endpoint = kEndpoints[static_cast<std::size_t>(roll(2))],
                .key = "k" + std::to_string(roll(30)),
                .order_key = kOrders[static_cast<std::size_t>(roll(3))],
                .kind = "advice",
                .body = std::to_string(roll(3)),
                .keep = hours(1 + roll(72))};
    const std::vector<Draft> drafts{draft};
    auto answers = outbox().put_all(drafts, clock_.now());
    ASSERT_TRUE(answers);
    const auto& answer = answers->front();
    if (!answer) {
      EXPECT_EQ(answer.error().code, "outbox.key_reused");
    } else if (!answer->repeated) {
      accepted_[answer->id] = {draft.endpoint, draft.order_key};
    } else {
      EXPECT_TRUE(accepted_.contains(answer->id));
    }
  }

  void claim(const std::string& endpoint, int limit) {
    auto due =
        outbox().claim({.endpoint = endpoint, .limit = limit, .attempt_time = seconds(2), .pace = {}}, clock_.now());
    ASSERT_TRUE(due);
    for (Message& message : *due) {
      Accepted& known = accepted_.at(message.id);
      EXPECT_EQ(known.endpoint, endpoint);
      EXPECT_GT(message.attempts, known.attempt) << "two attempts with one number";
      known.attempt = message.attempts;
      for (const auto& [id, other] : accepted_) {
        const bool goes_before = id < message.id && !known.order_key.empty() && other.order_key == known.order_key &&
                                 other.endpoint == endpoint && !other.discarded;
        EXPECT_FALSE(goes_before && state_of(id) == State::waiting) << message.id << " overtook " << id;
      }
      in_flight_.push_back({chosen_, std::move(message)});
    }
  }

  /// The partner gets some, and answers some of those; with 100 it is well.
  void settle_all_in_flight(int percent_good) {
    std::vector<Outbox::Settlement> settlements;
    for (const auto& [sender, message] : in_flight_) {
      if (sender != chosen_ && percent_good != 100) continue;
      const bool arrives = roll(100) < percent_good;
      if (arrives) ++accepted_.at(message.id).seen;
      const bool answered = arrives && (percent_good == 100 || roll(100) < 70);
      settlements.push_back({.id = message.id,
                             .endpoint = message.content.endpoint,
                             .order_key = message.content.order_key,
                             .attempts = message.attempts,
                             .error = answered ? "" : "ehi.timeout",
                             .pace = {}});
    }
    const std::size_t settled = chosen_;
    std::erase_if(in_flight_, [&](const InFlight& one) { return one.sender == settled || percent_good == 100; });
    ASSERT_TRUE(outbox().settle_all(settlements, clock_.now()));
  }

  void operate() {
    if (accepted_.empty()) return;
    auto one = accepted_.begin();
    std::advance(one, roll(static_cast<int>(accepted_.size())));
    if (roll(3) == 0) ASSERT_TRUE(outbox().replay_dead(one->second.endpoint, hours(24), clock_.now()));
    else if (roll(2) == 0) (void)outbox().replay(one->first, hours(24), clock_.now());
    else if (outbox().discard(one->first)) one->second.discarded = true;
  }

  std::optional<State> state_of(std::int64_t id) {
    auto found = outbox().find(id);
    return found && *found ? std::optional((*found)->state) : std::nullopt;
  }
  std::int64_t waiting() {
    std::int64_t sum = 0;
    const auto counts = outbox().counts().value();
    for (const auto& [endpoint, count] : counts)
      sum += count.waiting;
    return sum;
  }
  /// Against what is there.
  void check_counts() {
    const auto kept = outbox().counts().value();
    start(chosen_);
    std::map<std::string, Outbox::Count> asked;
    const std::vector<Message> there = outbox().list({}).value();
    for (const Message& message : there) {
      Outbox::Count& count = asked[message.content.endpoint];
      if (message.state == State::waiting) ++count.waiting;
      if (message.state == State::dead) ++count.dead;
    }
    for (const auto& [endpoint, count] : kept) {
      const auto found = asked.find(endpoint);
      const Outbox::Count on_disk = found == asked.end() ? Outbox::Count() : found->second;
      EXPECT_EQ(count.waiting, on_disk.waiting);
      EXPECT_EQ(count.dead, on_disk.dead);
    }
  }

  std::mt19937 dice_;
  std::filesystem::path file_;
  testing::FakeClock clock_{base::Instant::from_unix_seconds(1'781'524'800)};
  std::vector<std::optional<Outbox>> senders_ = std::vector<std::optional<Outbox>>(testing::on_postgresql() ? 2 : 1);
  std::size_t chosen_ = 0;
  std::map<std::int64_t, Accepted> accepted_;
  std::vector<InFlight> in_flight_;
};

TEST(Histories, NothingIsLostAndNothingOvertakes) {
  const testing::Folder folder;
  for (int seed = 0; seed < histories() && !::testing::Test::HasFailure(); ++seed) {
    const std::filesystem::path file = folder / ("outbox-" + std::to_string(seed) + ".db");
    {
      History history(static_cast<unsigned>(seed), file);
      history.live();
      history.end_well();
    }
    if (::testing::Test::HasFailure()) ADD_FAILURE() << "history " << seed;
    testing::remove_registry(file);
  }
}

}  // namespace
}  // namespace countersign::outbox
