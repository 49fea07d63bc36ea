// The rules of upstreams alone: health, choice, budget, seats, what settings may say. No sockets; time is an argument.
#include <fstream>
#include <random>
#include <thread>

#include <gtest/gtest.h>

#include "gateway/upstream/balance.h"
#include "gateway/upstream/retry_budget.h"
#include "gateway/upstream/settings.h"
#include "gateway/upstream/state.h"
#include "testing/folder.h"
#include "testing/pki.h"

namespace countersign::gateway {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using Time = AddressHealth::Time;
const Time kStart = Time(std::chrono::hours(1));
constexpr AddressHealth::Ejection kRules{.failures = 3, .time = seconds(10), .longest_time = seconds(25)};

/// Fails until it is ejected; for how long, 0 where it never is.
base::Duration fail_until_ejected(AddressHealth& health, Time now) {
  for (int i = 0; i < 10; ++i)
    if (const auto time = health.note_failure(kRules, now)) return *time;
  return base::Duration::zero();
}

TEST(Ejection, NeedsFailuresInARow) {
  AddressHealth health;
  EXPECT_FALSE(health.note_failure(kRules, kStart));
  EXPECT_FALSE(health.note_failure(kRules, kStart));
  health.note_success();
  EXPECT_FALSE(health.note_failure(kRules, kStart));
  EXPECT_FALSE(health.note_failure(kRules, kStart));
  EXPECT_FALSE(health.is_ejected(kStart));
  EXPECT_TRUE(health.note_failure(kRules, kStart));
  EXPECT_TRUE(health.is_ejected(kStart));
}

TEST(Ejection, EndsByItself) {
  AddressHealth health;
  fail_until_ejected(health, kStart);
  EXPECT_TRUE(health.is_ejected(kStart + seconds(10) - milliseconds(1)));
  EXPECT_FALSE(health.is_ejected(kStart + seconds(10)));
}

TEST(Ejection, GrowsUpToItsLongestTimeAndIsForgotten) {
  AddressHealth health;
  Time now = kStart;
  for (const int expected : {10, 20, 25, 25}) {
    const base::Duration time = fail_until_ejected(health, now);
    EXPECT_EQ(time, seconds(expected));
    now += time;
  }
  now += kRules.longest_time;
  EXPECT_EQ(fail_until_ejected(health, now), seconds(10)) << "it behaved for long enough";
}

TEST(Ejection, FailuresOfOneThatIsEjectedSayNothingNew) {
  AddressHealth health;
  fail_until_ejected(health, kStart);
  for (int i = 0; i < 10; ++i)
    EXPECT_FALSE(health.note_failure(kRules, kStart + seconds(5)));
  EXPECT_FALSE(health.is_ejected(kStart + seconds(10)));
}

TEST(Ejection, OfSeveralThreadsOneEjects) {
  for (int round = 0; round < 200; ++round) {
    AddressHealth health;
    std::atomic<int> ejections{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&] {
        for (int n = 0; n < 20; ++n)
          if (health.note_failure(kRules, kStart)) ++ejections;
      });
    for (std::thread& thread : threads)
      thread.join();
    EXPECT_EQ(ejections, 1);
    EXPECT_TRUE(health.is_ejected(kStart + seconds(9)));
    EXPECT_FALSE(health.is_ejected(kStart + seconds(10))) << "not counted twice";
  }
}

TEST(Ejection, NeverWhereItIsSwitchedOff) {
  AddressHealth health;
  for (int i = 0; i < 100; ++i)
    EXPECT_FALSE(health.note_failure({.failures = 0}, kStart));
}

TEST(Checks, TurnAfterFallAndRise) {
  using Passed = AddressHealth::Passed;
  using Turn = AddressHealth::Turn;
  AddressHealth health;
  const AddressHealth::Check rules{.rise = 2, .fall = 3};
  const std::vector<std::pair<Passed, Turn>> rows = {
      {Passed::no, Turn::none}, {Passed::no, Turn::none},  {Passed::yes, Turn::none}, {Passed::no, Turn::none},
      {Passed::no, Turn::none}, {Passed::no, Turn::down},  {Passed::no, Turn::none},  {Passed::yes, Turn::none},
      {Passed::no, Turn::none}, {Passed::yes, Turn::none}, {Passed::yes, Turn::up}};
  for (std::size_t i = 0; i < rows.size(); ++i)
    EXPECT_EQ(health.note_check(rows[i].first, rules), rows[i].second) << "row " << i;
  EXPECT_FALSE(health.is_down());
}

constexpr Candidate kDown{.down = true};
constexpr Candidate kEjected{.ejected = true};
constexpr Candidate kTried{.tried = true};

struct ChoiceRow {
  std::string name;
  std::vector<Candidate> candidates;
  std::vector<std::size_t> may;  ///< be chosen; none: nobody is
};
class Choices : public ::testing::TestWithParam<ChoiceRow> {};

TEST_P(Choices, AreAmongThose) {
  Dice dice(7);
  std::set<std::size_t> seen;
  for (int i = 0; i < 200; ++i)
    if (const auto chosen = choose(GetParam().candidates, 50, dice)) seen.insert(*chosen);
  EXPECT_EQ(seen, std::set<std::size_t>(GetParam().may.begin(), GetParam().may.end()));
}

INSTANTIATE_TEST_SUITE_P(
    Rows, Choices,
    ::testing::Values(ChoiceRow{"one", {{}}, {0}}, ChoiceRow{"all_good", {{}, {}, {}}, {0, 1, 2}},
                      ChoiceRow{"none", {}, {}}, ChoiceRow{"down_never", {kDown, {}, kDown}, {1}},
                      ChoiceRow{"all_down", {kDown, kDown}, {}},
                      ChoiceRow{"ejected_is_left_out", {kEjected, {}, {}}, {1, 2}},
                      ChoiceRow{"half_ejected_is_heeded", {kEjected, kEjected, {}, {}}, {2, 3}},
                      ChoiceRow{"more_than_half_is_not", {kEjected, kEjected, kEjected, {}}, {0, 1, 2, 3}},
                      ChoiceRow{"all_ejected", {kEjected, kEjected}, {0, 1}},
                      ChoiceRow{"panic_asks_none_that_is_down", {kEjected, kDown}, {0}},
                      ChoiceRow{"down_ones_do_not_count_for_panic", {kDown, kDown, kEjected, {}}, {3}},
                      ChoiceRow{"tried_is_not_asked_again", {kTried, {}, {}}, {1, 2}},
                      ChoiceRow{"all_tried", {kTried, kTried}, {}},
                      ChoiceRow{"two_and_less_load", {{.load = 5}, {.load = 1}}, {1}}),
    [](const auto& row) { return row.param.name; });

TEST(Choice, TheBusiestOfThreeGetsNothing) {
  Dice dice(1);
  const std::vector<Candidate> candidates = {{.load = 9}, {.load = 1}, {.load = 1}};
  for (int i = 0; i < 1000; ++i)
    EXPECT_NE(choose(candidates, 50, dice), std::optional<std::size_t>(0));
}

/// Whatever the candidates: nobody down or tried is chosen, somebody is chosen where somebody may be, and an ejected
/// one only where ejection is not heeded.
TEST(Choice, HoldsForAnyCandidates) {
  std::mt19937_64 random(20261126);
  Dice dice(3);
  for (int round = 0; round < 20'000; ++round) {
    std::vector<Candidate> candidates(random() % 9);
    for (Candidate& c : candidates)
      c = {random() % 4 == 0, random() % 3 == 0, random() % 4 == 0, random() % 5};
    const auto panic_below = static_cast<unsigned>(random() % 101);
    const auto chosen = choose(candidates, panic_below, dice);
    const auto open = std::ranges::count_if(candidates, [](const Candidate& c) { return !c.down && !c.tried; });
    const auto good = std::ranges::count_if(candidates, [](const Candidate& c) { return !c.down && !c.ejected; });
    const auto alive = std::ranges::count_if(candidates, [](const Candidate& c) { return !c.down; });
    if (!chosen) {
      const auto open_and_good =
          std::ranges::count_if(candidates, [](const Candidate& c) { return !c.down && !c.tried && !c.ejected; });
      EXPECT_TRUE(open == 0 || (open_and_good == 0 && good > 0));
      continue;
    }
    ASSERT_LT(*chosen, candidates.size());
    EXPECT_FALSE(candidates[*chosen].down || candidates[*chosen].tried);
    const bool panic = good == 0 || good * 100 < alive * panic_below;
    EXPECT_TRUE(!candidates[*chosen].ejected || panic);
  }
}

TEST(Budget, IsAShareOfTheRequestsAndAReserve) {
  RetryBudget budget(0.2, kStart);
  int spent = 0;
  while (budget.spend(kStart))
    ++spent;
  EXPECT_EQ(spent, 10) << "the reserve";
  for (int i = 0; i < 100; ++i)
    budget.note_request();
  while (budget.spend(kStart))
    ++spent;
  EXPECT_NEAR(spent, 30, 1) << "one for five requests";
  EXPECT_FALSE(budget.spend(kStart));
  EXPECT_TRUE(budget.spend(kStart + seconds(2))) << "the reserve comes back with time";
}

TEST(Budget, DoesNotSaveUpForEver) {
  RetryBudget budget(1, kStart);
  for (int i = 0; i < 100'000; ++i)
    budget.note_request();
  int spent = 0;
  while (budget.spend(kStart))
    ++spent;
  EXPECT_LE(spent, static_cast<int>(RetryBudget::kMost));
}

TEST(Budget, OfNothingIsNothing) {
  RetryBudget budget(0, kStart);
  budget.note_request();
  EXPECT_FALSE(budget.spend(kStart + minutes(10)));
}

TEST(Seats, AreCountedAndGivenBack) {
  const auto breaker = Breaker::make({.connections = 1, .pending = 1, .requests = 2});
  Breaker::Seat first = breaker->take_request();
  Breaker::Seat second = breaker->take_request();
  EXPECT_TRUE(first);
  EXPECT_TRUE(second);
  EXPECT_FALSE(breaker->take_request());
  first = {};
  EXPECT_TRUE(breaker->take_request());
  Breaker::Seat connection = breaker->take_connection();
  EXPECT_TRUE(connection);
  EXPECT_FALSE(breaker->take_connection());
  Breaker::Seat moved = std::move(connection);
  EXPECT_FALSE(breaker->take_connection());
  moved = {};
  EXPECT_TRUE(breaker->take_connection());
  EXPECT_EQ(breaker->connections(), 0U);
}

net::Task<void> wait_in_line(net::Loop& loop, std::shared_ptr<Breaker> breaker, int number, std::vector<int>& order) {
  net::Signal woken(loop);
  if (!co_await breaker->wait(woken, net::Deadline::after(seconds(20)))) {
    order.push_back(-number);
    co_return;
  }
  const Breaker::Seat seat = breaker->take_connection();
  order.push_back(seat ? number : 0);
}

net::Task<void> give_up_soon(net::Loop& loop, std::shared_ptr<Breaker> breaker, bool& room) {
  net::Signal woken(loop);
  room = co_await breaker->wait(woken, net::Deadline::after(milliseconds(1)));
}

TEST(Seats, WhoWaitsLongestGoesFirstAndNobodyPushesIn) {
  testing::FakeClock clock(base::Instant{});
  std::unique_ptr<base::LogSink> sink = base::stderr_sink();
  const base::Log log({.program = "test"}, clock, *sink);
  net::Loop loop;
  const auto breaker = Breaker::make({.connections = 1, .pending = 2, .requests = 9});
  Breaker::Seat held = breaker->take_connection();
  std::vector<int> order;
  for (const int number : {1, 2, 3})
    net::spawn(loop, wait_in_line(loop, breaker, number, order), "waits", log);
  loop.post([&] {
    held = {};
    EXPECT_FALSE(breaker->take_connection()) << "it is kept for the one that was woken";
  });
  loop.run();
  EXPECT_EQ(order, (std::vector<int>{-3, 1, 2})) << "the third was one too many";
  EXPECT_EQ(breaker->pending(), 0U);
}

TEST(Seats, WhoWaitsInVainLeavesTheLine) {
  testing::FakeClock clock(base::Instant{});
  std::unique_ptr<base::LogSink> sink = base::stderr_sink();
  const base::Log log({.program = "test"}, clock, *sink);
  net::Loop loop;
  const auto breaker = Breaker::make({.connections = 1, .pending = 2, .requests = 9});
  const Breaker::Seat held = breaker->take_connection();
  bool room = true;
  net::spawn(loop, give_up_soon(loop, breaker, room), "waits", log);
  loop.run();
  EXPECT_FALSE(room);
  EXPECT_EQ(breaker->pending(), 0U);
}

TEST(State, AddressesThatStayKeepTheirHealth) {
  UpstreamSettings settings;
  settings.name = "payments";
  settings.addresses = {{"a.example", 1}, {"192.0.2.9", 2}};
  UpstreamState state(settings);
  ASSERT_TRUE(state.use_addresses({{{"192.0.2.1", 1}, {"192.0.2.2", 1}}, {{"192.0.2.9", 2}}}));
  ASSERT_EQ(state.addresses()->size(), 3U);
  fail_until_ejected((*state.addresses())[1]->health, kStart);
  const std::uint64_t version = state.version();
  EXPECT_FALSE(state.use_addresses({{{"192.0.2.1", 1}, {"192.0.2.2", 1}}, {{"192.0.2.9", 2}}}));
  EXPECT_EQ(state.version(), version);
  ASSERT_TRUE(state.use_addresses({{{"192.0.2.2", 1}, {"192.0.2.3", 1}}, {}}));
  EXPECT_GT(state.version(), version);
  EXPECT_TRUE((*state.addresses())[0]->health.is_ejected(kStart));
  EXPECT_EQ((*state.addresses())[0]->host, "a.example") << "by which its certificate is verified";
}

struct SettingsRow {
  std::string name;
  std::string lines;  ///< behind name and addresses
  std::string said;   ///< part of the error; empty: it is good
};
class Settings : public ::testing::TestWithParam<SettingsRow> {};

TEST_P(Settings, AreReadOrNameTheKey) {
  const testing::Folder folder;
  std::ofstream(folder / "ca.pem") << testing::Pki().provider_root().certificate.to_pem();
  auto top = base::ConfigSection::parse(GetParam().lines, "test");
  ASSERT_TRUE(top) << top.error().detail;
  auto read = read_upstream(*top, folder.path(), {});
  std::string said = read ? "" : base::to_string(read.error());
  if (const auto finished = top->finish(); read && !finished) said = finished.error().detail;
  EXPECT_NE(said.find(GetParam().said), std::string::npos) << said;
  EXPECT_EQ(said.empty(), GetParam().said.empty()) << said;
}

const std::string kHere = "name = \"p\"\naddresses = [\"127.0.0.1:1\", \"[::1]:2\"]\n";
const std::string kThere = "name = \"p\"\naddresses = [\"10.0.0.1:443\"]\n";
const std::string kThereTls = kThere + "tls = true\nanchors = \"ca.pem\"\n";

INSTANTIATE_TEST_SUITE_P(
    Rows, Settings,
    ::testing::Values(
        SettingsRow{"plain_on_this_machine", kHere, ""}, SettingsRow{"plain_elsewhere", kThere, "danger_plain"},
        SettingsRow{"plain_elsewhere_accepted", kThere + "danger_plain = true\n", ""},
        SettingsRow{"tls_elsewhere", kThereTls, ""},
        SettingsRow{"tls_without_anchors", kThere + "tls = true\n", "anchors"},
        SettingsRow{"anchors_that_are_not_there", kThere + "tls = true\nanchors = \"no.pem\"\n", "anchors"},
        SettingsRow{"anchors_without_tls", kHere + "anchors = \"ca.pem\"\n", "anchors"},
        SettingsRow{"own_certificate", kThereTls + "credential = \"service\"\n", ""},
        SettingsRow{"unknown_credential", kThereTls + "credential = \"mine\"\n", "credential"},
        SettingsRow{"certificate_without_key", kThereTls + "certificate = \"a.pem\"\n", "'key'"},
        SettingsRow{"two_credentials", kThereTls + "credential = \"service\"\ncertificate = \"a\"\nkey = \"b\"\n",
                    "two credentials"},
        SettingsRow{"no_addresses", "name = \"p\"\naddresses = []\n", "addresses"},
        SettingsRow{"address_without_port", "name = \"p\"\naddresses = [\"10.0.0.1\"]\n", "addresses"},
        SettingsRow{"address_twice", "name = \"p\"\naddresses = [\"127.0.0.1:1\", \"127.0.0.1:1\"]\n", "twice"},
        SettingsRow{"name_like_an_address", "name = \"a:1\"\naddresses = [\"127.0.0.1:1\"]\n", "name"},
        SettingsRow{"check", kHere + "[check]\npath = \"/healthz\"\ninterval = \"1s\"\nstatus = 204\n", ""},
        SettingsRow{"check_without_path", kHere + "[check]\ninterval = \"1s\"\n", "check.path"},
        SettingsRow{"check_with_spaces", kHere + "[check]\npath = \"/a b\"\n", "check.path"},
        SettingsRow{"check_without_fall", kHere + "[check]\npath = \"/\"\nfall = 0\n", "check.fall"},
        SettingsRow{"unknown_key_of_check", kHere + "[check]\npath = \"/\"\nfoll = 1\n", "check.foll"},
        SettingsRow{"retries", kHere + "retries = 11\n", "retries"},
        SettingsRow{"no_connections", kHere + "connections = 0\n", "connections"},
        SettingsRow{"no_connect_time", kHere + "connect_time = \"0s\"\n", "connect_time"},
        SettingsRow{"proxy_protocol", kHere + "proxy_protocol = \"v2\"\n", ""},
        SettingsRow{"proxy_protocol_1", kHere + "proxy_protocol = \"v1\"\n", "proxy_protocol"},
        SettingsRow{"unknown_key", kHere + "retrys = 1\n", "retrys"}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace countersign::gateway
