// The agent with a fake clock and a fake authority: when it asks, what it keeps, when it tries again.
#include "cli/agent.h"

#include <algorithm>

#include "cli/renewal_fixture_test.h"

namespace countersign::cli {
namespace {

using namespace std::chrono_literals;
using testing::code_of;
using testing::Folder;
using testing::Pki;
using trust::Purpose;

class FakeHooks final : public HookRunner {
 public:
  std::vector<HookCall> calls;
  base::Result<void> outcome = {};
  net::Task<base::Result<void>> run(HookCall call) override {
    calls.push_back(std::move(call));
    co_return outcome;
  }
};

base::Result<void> hook_failure() { return base::fail(base::Kind::internal, "hook.failed", "ended with exit code 1"); }

class KeeperTest : public ::testing::Test {
 protected:
  static constexpr base::Duration kLife = 300h;

  void SetUp() override {
    save_pair(files_.current, old_);
    start();
  }
  /// As after a restart: nothing is known but what is on disk.
  void start(std::uint64_t seed = 1) {
    random_ = testing::SeededRandom(seed);
    Keeper::Options options{.folder = folder_.path(),
                            .purpose = Purpose::transport,
                            .hook = {"reload", "now"},
                            .retries = {.first = 30s, .longest = 1h}};
    keeper_ =
        std::make_unique<Keeper>(std::move(options), Keeper::Parts{desk_, hooks_, pki_.clock(), random_, log_.log()});
  }
  base::Duration look() { return testing::run(loop_, keeper_->look()); }
  void make_due() { pki_.clock().set(pki_.now() + kLife * 3 / 4 + 1s); }
  x509::Certificate held() { return load_held(folder_.path(), Purpose::transport)->current; }
  void refuse(base::Kind kind, const char* code) {
    desk_.answer = [kind, code](const crypto::PublicKey&, Purpose) -> base::Result<ApiAnswer> {
      return base::fail(kind, code, "");
    };
  }

  net::Loop loop_;
  Pki pki_;
  Folder folder_;
  RenewalFiles files_ = RenewalFiles::in(folder_.path(), Purpose::transport);
  testing::Issued old_ = pki_.client().valid(pki_.now(), pki_.now() + kLife).issue();
  FakeDesk desk_{pki_};
  FakeHooks hooks_;
  testing::SeededRandom random_{1};
  testing::KeptLog log_;
  std::unique_ptr<Keeper> keeper_;
};

TEST_F(KeeperTest, DoesNothingBeforeTwoThirdsOfALife) {
  EXPECT_EQ(look(), kLongestLook);
  pki_.clock().advance(kLife * 2 / 3 - 1s);
  look();
  EXPECT_TRUE(desk_.keys.empty());
  EXPECT_TRUE(hooks_.calls.empty()) << "what was there before the agent is in use already";
  EXPECT_EQ(keeper_->state().not_after, old_.certificate.not_after());
}

TEST_F(KeeperTest, SpreadsRenewalsBetweenTwoThirdsAndThreeQuarters) {
  pki_.clock().advance(kLife * 2 / 3 + kLife / 24);
  refuse(base::Kind::unavailable, "authority.unreachable");
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    std::filesystem::remove(files_.next_key);
    start(seed);
    look();
  }
  EXPECT_GT(desk_.keys.size(), 5U);
  EXPECT_LT(desk_.keys.size(), 35U);
}

TEST_F(KeeperTest, RenewsSwapsAndRunsTheHookOnce) {
  look();
  make_due();
  EXPECT_LE(look(), kLongestLook);
  ASSERT_EQ(desk_.keys.size(), 1U);
  EXPECT_NE(held(), old_.certificate);
  EXPECT_TRUE(tls::load_credential(files_.previous.chain, files_.previous.key));
  ASSERT_EQ(hooks_.calls.size(), 1U);
  EXPECT_EQ(hooks_.calls[0].words, (std::vector<std::string>{"reload", "now"}));
  EXPECT_NE(std::ranges::find(hooks_.calls[0].environment, "COUNTERSIGN_SERIAL=" + held().serial().hex()),
            hooks_.calls[0].environment.end());
  look();
  start();
  look();
  EXPECT_EQ(desk_.keys.size(), 1U);
  EXPECT_EQ(hooks_.calls.size(), 1U) << "not again after a restart";
  EXPECT_EQ(keeper_->state().exit_code, base::ExitCode::ok);
}

TEST_F(KeeperTest, AHookThatFailedOrNeverRanIsRunLater) {
  look();
  make_due();
  hooks_.outcome = hook_failure();
  const base::Duration wait = look();
  EXPECT_GE(wait, 22s);
  EXPECT_LE(wait, 30s);
  EXPECT_EQ(keeper_->state().exit_code, base::ExitCode::failed);
  start();  // as if it was killed between swap and hook
  hooks_.outcome = {};
  look();
  EXPECT_EQ(hooks_.calls.size(), 2U);
  look();
  EXPECT_EQ(hooks_.calls.size(), 2U);
  EXPECT_EQ(desk_.keys.size(), 1U) << "the certificate itself is not asked for again";
}

TEST_F(KeeperTest, APendingRequestIsAskedForAgainWithTheSameKey) {
  look();
  make_due();
  desk_.answer = [](const crypto::PublicKey&, Purpose) -> base::Result<ApiAnswer> { return pending_answer(1, 60s); };
  EXPECT_EQ(look(), 60s);
  EXPECT_TRUE(keeper_->state().pending);
  EXPECT_EQ(keeper_->state().exit_code, base::ExitCode::unavailable);
  EXPECT_EQ(held(), old_.certificate);
  start();
  look();
  desk_.answer = nullptr;
  look();
  ASSERT_EQ(desk_.keys.size(), 3U);
  EXPECT_EQ(desk_.keys[0], desk_.keys[1]);
  EXPECT_EQ(desk_.keys[0], desk_.keys[2]);
  EXPECT_NE(held(), old_.certificate);
  EXPECT_FALSE(keeper_->state().pending);
  EXPECT_EQ(hooks_.calls.size(), 1U);
}

TEST_F(KeeperTest, TriesAgainLessAndLessOftenWhileTheAuthorityIsDownForDays) {
  look();
  make_due();
  refuse(base::Kind::unavailable, "authority.unreachable");
  base::Duration longest{};
  for (int i = 0; i < 60; ++i) {
    const base::Duration wait = look();
    EXPECT_GE(wait, 22s);
    EXPECT_LE(wait, 1h);
    longest = std::max(longest, wait);
    pki_.clock().advance(wait);
  }
  EXPECT_GE(longest, 45min);
  EXPECT_EQ(keeper_->state().failures_in_a_row, 60U);
  EXPECT_EQ(std::set<std::string>(desk_.keys.begin(), desk_.keys.end()).size(), 1U) << "one key, however often";
  desk_.answer = nullptr;
  look();
  EXPECT_NE(held(), old_.certificate);
  EXPECT_EQ(keeper_->state().failures_in_a_row, 0U);
}

TEST_F(KeeperTest, TriesMoreOftenWhenLittleOfTheLifeIsLeft) {
  refuse(base::Kind::unavailable, "authority.unreachable");
  pki_.clock().set(old_.certificate.not_after() - 40min);
  base::Duration last{};
  for (int i = 0; i < 12; ++i)
    last = look();
  EXPECT_LE(last, 5min);
}

TEST_F(KeeperTest, ARefusedKeyIsGivenUpAndARefusedRequestIsNot) {
  look();
  make_due();
  refuse(base::Kind::denied, "request.refused");
  look();
  look();
  EXPECT_EQ(desk_.keys[0], desk_.keys[1]);
  refuse(base::Kind::denied, "key.not_allowed");
  look();
  EXPECT_EQ(desk_.keys[1], desk_.keys[2]);
  look();
  EXPECT_NE(desk_.keys[2], desk_.keys[3]);
  EXPECT_EQ(keeper_->state().exit_code, base::ExitCode::denied);
  EXPECT_EQ(held(), old_.certificate);
}

TEST_F(KeeperTest, AClockThatJumpsCostsNothing) {
  look();
  pki_.clock().set(old_.certificate.not_before() - 24h * 365);
  EXPECT_EQ(look(), kLongestLook);
  EXPECT_TRUE(desk_.keys.empty()) << "before the beginning it is the clock that is wrong";
  pki_.clock().set(old_.certificate.not_after() + 24h * 365);
  refuse(base::Kind::denied, "authority.refuses_us");
  look();
  EXPECT_EQ(held(), old_.certificate);
  pki_.clock().set(old_.certificate.not_before() + 1h);
  desk_.answer = nullptr;
  look();
  EXPECT_EQ(desk_.keys.size(), 2U) << "what was begun is ended, with the same key";
  EXPECT_EQ(desk_.keys[0], desk_.keys[1]);
  EXPECT_EQ(look(), kLongestLook);
}

TEST_F(KeeperTest, AnAnswerForAnotherIdentityChangesNothing) {
  look();
  make_due();
  desk_.identity = base::Identity::from_urn("urn:countersign:production:acme:refunds").value();
  look();
  EXPECT_EQ(held(), old_.certificate);
  EXPECT_TRUE(hooks_.calls.empty());
  EXPECT_EQ(keeper_->state().failed, 1U);
  EXPECT_FALSE(std::filesystem::exists(files_.previous.key));
}

/// A folder where a file should be stands for a disk that takes no more.
class UnwritableFile : public KeeperTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(UnwritableFile, LeavesAMatchingPairAndIsMendedLater) {
  look();
  make_due();
  const auto blocked = folder_ / GetParam();
  const auto kept = blocked.string() + ".kept";
  std::error_code ignored;
  std::filesystem::rename(blocked, kept, ignored);
  std::filesystem::create_directories(blocked / "x");
  look();
  EXPECT_NE(keeper_->state().exit_code, base::ExitCode::ok);
  std::filesystem::remove_all(blocked);
  std::filesystem::rename(kept, blocked, ignored);
  EXPECT_TRUE(has_matching_pair(folder_.path(), Purpose::transport));
  look();
  EXPECT_EQ(keeper_->state().exit_code, base::ExitCode::ok);
  EXPECT_NE(held(), old_.certificate);
  EXPECT_LE(std::set<std::string>(desk_.keys.begin(), desk_.keys.end()).size(), 1U);
  EXPECT_EQ(hooks_.calls.size(), 1U);
}

INSTANTIATE_TEST_SUITE_P(Files, UnwritableFile,
                         ::testing::Values("transport.key.next", "transport-previous.key",
                                           "transport-previous-chain.pem", "transport-previous.pem"));

TEST_F(KeeperTest, WithoutACertificateItSaysSoAndTriesAgain) {
  std::filesystem::remove(files_.current.chain);
  look();
  EXPECT_FALSE(keeper_->state().not_after);
  EXPECT_NE(keeper_->state().exit_code, base::ExitCode::ok);
  save_pair(files_.current, old_);
  look();
  EXPECT_EQ(keeper_->state().exit_code, base::ExitCode::ok);
}

TEST_F(KeeperTest, CountsForPrometheusAndIsReadyWhileItsCertificateIsGood) {
  const std::vector<const Keeper*> keepers{keeper_.get()};
  EXPECT_FALSE(are_ready(keepers, pki_.now())) << "before the first look";
  look();
  make_due();
  look();
  const std::string text = to_metrics(keepers);
  const std::string labels = "{dir=\"" + folder_.path().string() + "\",purpose=\"transport\"";
  EXPECT_NE(text.find("countersign_agent_renewals_total" + labels + ",outcome=\"renewed\"} 1\n"), std::string::npos)
      << text;
  EXPECT_NE(text.find("countersign_agent_hooks_total" + labels + ",outcome=\"done\"} 1\n"), std::string::npos) << text;
  EXPECT_NE(text.find("countersign_agent_certificate_not_after_seconds" + labels + "} " +
                      std::to_string(held().not_after().unix_seconds()) + "\n"),
            std::string::npos)
      << text;
  EXPECT_TRUE(are_ready(keepers, pki_.now()));
  EXPECT_FALSE(are_ready(keepers, held().not_after()));
}

class AgentConfigTest : public ::testing::Test {
 protected:
  base::Result<AgentConfig> load(const std::string& text) {
    EXPECT_TRUE(base::write_file(folder_ / "agent.toml", text, base::FileMode::owner_only));
    return AgentConfig::load(folder_ / "agent.toml");
  }
  Folder folder_;
};

TEST_F(AgentConfigTest, IsCheckedWhole) {
  const std::string good = "[[certificates]]\ndir = \"acme\"\n";
  const struct {
    const char* row;
    std::string text;
    const char* code;
  } rows[] = {
      {"least", good, "ok"},
      {"all",
       good + "purposes = [\"transport\", \"signing\"]\nauthority = \"a.example:1\"\ntrust_chain = \"t.pem\"\n"
              "hook = [\"nginx\", \"-s\", \"reload\"]\nhook_time = \"5s\"\nkey_type = \"rsa3072\"\n"
              "[agent]\nstatus = \"127.0.0.1:0\"\nfirst_retry = \"1s\"\nlongest_retry = \"1m\"\n",
       "ok"},
      {"no certificates", "[agent]\n", "agent.config"},
      {"no dir", "[[certificates]]\n", "config.missing"},
      {"unknown key", good + "hooks = []\n", "config.unknown_key"},
      {"unknown purpose", good + "purposes = [\"all\"]\n", "agent.config"},
      {"purpose twice", good + "purposes = [\"signing\", \"signing\"]\n", "agent.config"},
      {"no purposes", good + "purposes = []\n", "agent.config"},
      {"empty hook", good + "hook = []\n", "agent.config"},
      {"hook for a shell", good + "hook = \"nginx -s reload\"\n", "config.type"},
      {"no time for the hook", good + "hook_time = \"0s\"\n", "agent.config"},
      {"unknown kind of key", good + "key_type = \"dsa\"\n", "key.unknown_kind"},
      {"folder twice", good + "[[certificates]]\ndir = \"./acme/\"\n", "agent.config"},
      {"status for all to see", "[agent]\nstatus = \"0.0.0.0:9103\"\n" + good, "agent.config"},
      {"longest before first", "[agent]\nfirst_retry = \"2h\"\n" + good, "agent.config"},
  };
  for (const auto& row : rows)
    EXPECT_EQ(code_of(load(row.text)), row.code) << row.row;
  EXPECT_EQ(load(good)->folders[0].folder, folder_ / "acme");
  EXPECT_EQ(load(good)->folders[0].trust_chain, folder_ / "trust-chain.pem");
}

TEST_F(AgentConfigTest, OneAgentAFolder) {
  Pki pki;
  testing::KeptLog log;
  testing::SeededRandom random(1);
  const Agent::Parts parts{pki.clock(), random, log.log()};
  std::filesystem::create_directory(folder_ / "acme");
  save_pair(RequestFiles::in(folder_ / "acme", Purpose::transport), pki.client().issue());
  const std::string text = "[[certificates]]\ndir = \"acme\"\n[agent]\nstatus = \"127.0.0.1:0\"\n";
  {
    const auto first = Agent::make(load(text).value(), parts);
    ASSERT_TRUE(first) << base::to_string(first.error());
    EXPECT_EQ(code_of(Agent::make(load(text).value(), parts)), "agent.locked");
    EXPECT_EQ((*first)->look_once(), base::ExitCode::ok);
    EXPECT_TRUE((*first)->summary().starts_with((folder_ / "acme").string() + " transport: as it was; due at 20"))
        << (*first)->summary();
  }
  EXPECT_EQ(code_of(Agent::make(load(text).value(), parts)), "ok");
}

}  // namespace
}  // namespace countersign::cli
