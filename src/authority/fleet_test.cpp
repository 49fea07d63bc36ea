// Several authorities on one registry: what each learns of the others, and what one may not do behind another's back.
#include "authority/fleet.h"

#include <thread>

#include "authority/issuance/recovery.h"
#include "authority/registry/audit_verification.h"
#include "authority/registry/follow.h"
#include "authority/revocation/revocation.h"
#include "authority/several_test.h"
#include "store/instances.h"
#include "store/issuances.h"
#include "testing/run.h"

namespace countersign::authority {
namespace {

using testing::code_of;

constexpr const char* kPayments = "production:acme:payments";

TEST_F(Several, LearnWhatTheOthersDid) {
  const auto issued = enrol(kPayments, make_key());
  ASSERT_TRUE(issued);
  const auto fingerprint = issued->certificate.fingerprint();
  EXPECT_FALSE(another().view.certificate(fingerprint));
  ASSERT_TRUE(follow(another().ledger));
  EXPECT_TRUE(another().view.certificate(fingerprint));
  EXPECT_EQ(another().listener.last, office().listener.last);
  EXPECT_EQ(another().ledger.applied(), office().ledger.applied());
  const std::size_t told = another().listener.count;
  ASSERT_TRUE(follow(another().ledger));
  EXPECT_EQ(another().listener.count, told) << "nothing new";
}

TEST_F(Several, KeepTheOrderOfEverybodysChanges) {
  struct Row {
    const char* name;
    bool first_suspends;
  };
  for (const Row& row : {Row{"suspended here, resumed there", true}, Row{"resumed here, suspended there", false}}) {
    SCOPED_TRACE(row.name);
    const auto change = [](Office& at, bool suspend) {
      return suspend ? at.directory.suspend_application(admin(), identity(kPayments))
                     : at.directory.resume_application(admin(), identity(kPayments));
    };
    if (!row.first_suspends) {
      ASSERT_TRUE(change(office(), true));
      ASSERT_TRUE(follow(another().ledger));
    }
    ASSERT_TRUE(change(office(), row.first_suspends));
    ASSERT_TRUE(change(another(), !row.first_suspends)) << "without having followed";
    EXPECT_EQ(is_suspended(another(), kPayments), !row.first_suspends);
    ASSERT_TRUE(follow(another().ledger));
    EXPECT_EQ(is_suspended(another(), kPayments), !row.first_suspends) << "the older change did not come late";
    ASSERT_TRUE(follow(office().ledger));
    EXPECT_EQ(is_suspended(office(), kPayments), !row.first_suspends);
    ASSERT_TRUE(change(office(), false));
    ASSERT_TRUE(follow(another().ledger));
  }
}

TEST_F(Several, BeginAfreshBehindForgottenChanges) {
  const auto issued = enrol(kPayments, make_key());
  ASSERT_TRUE(raw().run("DELETE FROM feed_changes"));
  ASSERT_TRUE(another().directory.suspend_application(admin(), identity(kPayments)));
  EXPECT_TRUE(is_suspended(another(), kPayments));
  EXPECT_LT(another().ledger.applied(), office().ledger.applied()) << "what was forgotten is still to come";
  ASSERT_TRUE(follow(another().ledger));
  EXPECT_TRUE(is_suspended(another(), kPayments));
  EXPECT_TRUE(another().view.certificate(issued->certificate.fingerprint()));
}

TEST_F(Several, DoNotIssueWhatAnotherHasForbiddenMeanwhile) {
  if (!testing::on_postgresql()) GTEST_SKIP() << "a file has one authority";
  add_application("production:globex:payments");
  struct Row {
    const char* name;
    Step at;
    std::function<void(const crypto::PrivateKey&)> act;
    const char* code;
    int abandoned;
  };
  const auto abandoned = [this] {
    return std::stoi(raw().ask("SELECT COUNT(*) FROM issuances WHERE state = 'abandoned'"));
  };
  const auto suspend = [this](const crypto::PrivateKey&) {
    ASSERT_TRUE(office().directory.suspend_application(admin(), identity(kPayments)));
  };
  const auto certify = [this](const crypto::PrivateKey& key) { ASSERT_TRUE(enrol("production:globex:payments", key)); };
  const auto compromise = [this](const crypto::PrivateKey& key) {
    const auto issued = enrol(kPayments, key);
    ASSERT_TRUE(issued) << base::to_string(issued.error());
    ASSERT_TRUE(revoke(office().ledger, admin(), issued->certificate.serial(), "key_compromise"));
  };
  const auto nothing = [](const crypto::PrivateKey&) {};
  for (const Row& row : {Row{"nothing happens", Step::after_lint, nothing, "ok", 0},
                         Row{"suspended before the intent", Step::after_lint, suspend, "application.suspended", 0},
                         Row{"suspended after it", Step::after_record, suspend, "application.suspended", 1},
                         Row{"the key is another's now", Step::after_lint, certify, "key.in_use", 0},
                         Row{"the key is known as stolen", Step::after_lint, compromise, "key.compromised", 0},
                         Row{"the same, signed already", Step::after_sign, compromise, "key.compromised", 1}}) {
    SCOPED_TRACE(row.name);
    const auto key = make_key();
    const std::string code = make_code(kPayments);
    interrupt.at = row.at;
    interrupt.act = [&] { row.act(key); };
    const int before = abandoned();
    EXPECT_EQ(code_of(redeem_at_another(code, key)), row.code);
    EXPECT_EQ(abandoned(), before + row.abandoned);
    EXPECT_EQ(abandon_open_intents(another().ledger), 0U) << "nothing is left open";
    ASSERT_TRUE(office().directory.resume_application(admin(), identity(kPayments)));
  }
}

TEST_F(Several, GiveOneCertificateForOneCode) {
  const auto key = make_key();
  const std::string code = make_code(kPayments);
  std::optional<Issued> first;
  interrupt.at = Step::after_sign;
  interrupt.act = [&] { first.emplace(redeem(code, key).value()); };
  EXPECT_EQ(code_of(redeem_at_another(code, key)), "code.used");
  const auto again = redeem_at_another(code, key);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->certificate, first->certificate);
  EXPECT_EQ(raw().ask("SELECT COUNT(*) FROM certificates"), "1");
}

TEST_F(Several, HonourACancelledCode) {
  const std::string code = make_code(kPayments);
  interrupt.at = Step::after_lint;
  interrupt.act = [&] {
    const auto codes = office().enrolment.list_codes(identity(kPayments));
    ASSERT_TRUE(office().enrolment.cancel_code(admin(), identity(kPayments), codes->front().row.code_sha256));
  };
  EXPECT_EQ(code_of(redeem_at_another(code, make_key())), "code.cancelled");
  EXPECT_EQ(raw().ask("SELECT COUNT(*) FROM issuances"), "0");
}

/// What a backup of this moment would bring back.
struct Yesterday {
  explicit Yesterday(testing::RawRegistry raw_now)
      : records(raw_now.ask("SELECT MAX(sequence) FROM audit")),
        head(raw_now.ask("SELECT value FROM settings WHERE name = 'audit_head'")),
        changes(raw_now.ask("SELECT value FROM counters WHERE name = 'feed'")) {}
  bool restore(testing::RawRegistry raw) const {
    return raw.run("DELETE FROM audit WHERE sequence > " + records + ";UPDATE settings SET value = '" + head +
                   "' WHERE name = 'audit_head';DELETE FROM feed_changes WHERE sequence > " + changes +
                   ";UPDATE counters SET value = " + changes +
                   " WHERE name = 'feed';UPDATE certificates SET revoked_at = NULL, revoked_for = NULL");
  }
  std::string records, head, changes;
};

TEST_F(Several, ForgetNothingWhenTheRegistryIsPutBackUnderThem) {
  const auto issued = enrol(kPayments, make_key());
  const auto is_revoked = [&](const Office& office) {
    return office.view.certificate(issued->certificate.fingerprint())->revoked_for.has_value();
  };
  const Yesterday yesterday(raw());
  ASSERT_TRUE(revoke(office().ledger, admin(), issued->certificate.serial(), "superseded"));
  ASSERT_TRUE(yesterday.restore(raw()));
  EXPECT_EQ(code_of(follow(office().ledger)), "registry.older");
  EXPECT_TRUE(is_revoked(office()));
  EXPECT_EQ(code_of(office().directory.create_organisation(admin(), slug("globex"), "Globex")), "audit.broken");
  EXPECT_EQ(code_of(take_snapshot_for_followers(office().ledger)), "registry.older");
  ASSERT_TRUE(acknowledge_audit(office().ledger, admin()));
  ASSERT_TRUE(follow(office().ledger));
  EXPECT_FALSE(is_revoked(office())) << "an operator has said that this is so";
  EXPECT_TRUE(take_snapshot_for_followers(office().ledger));
  EXPECT_TRUE(office().directory.create_organisation(admin(), slug("globex"), "Globex"));
}

/// The places of two authorities on a shared registry.
class FleetPlaces : public Several {
 protected:
  void SetUp() override {
    if (!testing::on_postgresql()) GTEST_SKIP() << "a file has one authority";
    Several::SetUp();
    here_.emplace(office().ledger, log.log());
    there_.emplace(another().ledger, log.log());
    ASSERT_TRUE(here().join(DataFolder(data()), random));
    ASSERT_TRUE(there().join(DataFolder(other_data()), random));
  }
  std::string instances() { return raw().ask("SELECT COUNT(*) FROM instances"); }
  std::string state_of_intents() { return raw().ask("SELECT MAX(state) FROM issuances"); }
  void beat(Fleet& fleet) {
    clock.advance(kBeat);
    const auto beaten = fleet.beat();
    ASSERT_TRUE(beaten) << base::to_string(beaten.error());
  }

  Fleet& here() { return *here_; }
  Fleet& there() { return *there_; }

  testing::KeptLog log;

 private:
  std::optional<Fleet> here_;
  std::optional<Fleet> there_;
};

TEST_F(FleetPlaces, AreKeptByWhoIsSeen) {
  EXPECT_EQ(instances(), "2");
  for (int i = 0; i < 10; ++i) {
    beat(here());
    beat(there());
  }
  EXPECT_EQ(instances(), "2");
}

TEST_F(FleetPlaces, AreLostInSilenceAndWithThemTheIntents) {
  interrupt.at = Step::after_record;
  const std::string code = make_code(kPayments);
  const auto key = make_key();
  interrupt.act = [&] {
    beat(here());
    beat(here());
    beat(there());  // slow, but alive
    for (int i = 0; i < kSilentBeats; ++i)
      beat(here());
    EXPECT_EQ(instances(), "2");
    EXPECT_EQ(state_of_intents(), "recorded");
    beat(here());
    EXPECT_EQ(instances(), "1");
    EXPECT_EQ(state_of_intents(), "abandoned");
  };
  EXPECT_EQ(code_of(redeem_at_another(code, key)), "issuance.not_open") << "it was not dead, and does no harm";
  EXPECT_EQ(raw().ask("SELECT COUNT(*) FROM certificates"), "0");
  beat(there());
  EXPECT_EQ(instances(), "2") << "it is back";
  EXPECT_EQ(code_of(redeem_at_another(code, key)), "ok");
  EXPECT_EQ(verify_audit(another().ledger)->problem, "");
}

TEST_F(FleetPlaces, AreTakenOverByTheNextRunOnTheSameFolder) {
  interrupt.at = Step::after_record;
  interrupt.act = [&] {
    Fleet next(office().ledger, log.log());
    ASSERT_TRUE(next.join(DataFolder(data()), random));
    EXPECT_EQ(instances(), "2");
    EXPECT_EQ(state_of_intents(), "recorded") << "it is another's";
    Fleet next_there(office().ledger, log.log());
    ASSERT_TRUE(next_there.join(DataFolder(other_data()), random));
    EXPECT_EQ(instances(), "2");
    EXPECT_EQ(state_of_intents(), "abandoned") << "whose folder this was is over";
  };
  EXPECT_EQ(code_of(redeem_at_another(make_code(kPayments), make_key())), "issuance.not_open");
}

TEST_F(FleetPlaces, AreNotLostToAClockThatIsWrong) {
  for (const base::Duration jump : {kDay * 40, -kDay * 2}) {
    SCOPED_TRACE(jump.count());
    interrupt.at = Step::after_record;
    interrupt.act = [&] {
      clock.advance(jump);
      Fleet next(office().ledger, log.log());
      ASSERT_TRUE(next.join(DataFolder(data()), random));
      EXPECT_EQ(instances(), "2");
      EXPECT_EQ(raw().ask("SELECT COUNT(*) FROM issuances WHERE state = 'recorded'"), "1");
      EXPECT_EQ(raw().ask("SELECT COUNT(*) FROM issuances WHERE state = 'abandoned'"), "0");
      clock.advance(-jump);
    };
    EXPECT_EQ(code_of(redeem_at_another(make_code(kPayments), make_key())), "ok");
  }
}

TEST_F(FleetPlaces, NameOneFeedAsLongAsSomebodyRuns) {
  EXPECT_EQ(here().feed_id(), there().feed_id());
  const std::string feed_id = here().feed_id();
  here().leave();
  EXPECT_EQ(instances(), "1");
  const auto join_again = [this] {
    Fleet again(office().ledger, log.log());
    EXPECT_TRUE(again.join(DataFolder(data()), random));
    return again.feed_id();
  };
  EXPECT_EQ(join_again(), feed_id) << "the other goes on";
  there().leave();
  clock.advance(kSeenLately);
  EXPECT_NE(join_again(), feed_id) << "nobody does";
}

TEST_F(FleetPlaces, NameAnotherFeedOnceABreakWasAcknowledged) {
  const std::string feed_id = here().feed_id();
  ASSERT_TRUE(raw().run("UPDATE audit SET actor = 'x' WHERE sequence = 3"));
  ASSERT_TRUE(acknowledge_audit(office().ledger, admin()));
  ASSERT_TRUE(there().read_feed_id());
  EXPECT_NE(there().feed_id(), feed_id);
}

/// Commits whose answer is lost.
class LostAnswers : public AuthorityTest {
 protected:
  void SetUp() override {
    if (!testing::on_postgresql()) GTEST_SKIP() << "a file answers";
    AuthorityTest::SetUp();
  }
};

TEST_F(LostAnswers, AreNoChangeWhenNothingWasKept) {
  ASSERT_TRUE(
      raw().run("CREATE FUNCTION countersign.stop() RETURNS trigger LANGUAGE plpgsql AS"
                " 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END';"
                "CREATE CONSTRAINT TRIGGER stop AFTER INSERT ON organisations DEFERRABLE INITIALLY DEFERRED"
                " FOR EACH ROW EXECUTE FUNCTION countersign.stop()"));
  EXPECT_EQ(code_of(office().directory.create_organisation(admin(), slug("globex"), "Globex")), "store.unavailable");
  EXPECT_EQ(raw().ask("SELECT COUNT(*) FROM organisations WHERE id = 'globex'"), "0");
  ASSERT_TRUE(raw().run("DROP TRIGGER stop ON organisations"));
  EXPECT_EQ(code_of(office().directory.create_organisation(admin(), slug("globex"), "Globex")), "ok");
  EXPECT_EQ(verify_audit(office().ledger)->problem, "");
}

TEST_F(LostAnswers, AreFoundWhenItWasKept) {
  // The commit is on disk here and waits for a standby that never comes; then its session is ended.
  testing::RawRegistry admin_session(DataFolder(data()).registry());
  ASSERT_TRUE(admin_session.run("ALTER SYSTEM SET synchronous_standby_names = 'nobody'"));
  ASSERT_TRUE(admin_session.run("SELECT pg_reload_conf()"));
  std::thread administrator([&] {
    for (int i = 0; i < 2000; ++i) {
      if (admin_session.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'") ==
          "t")
        return;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  });
  const auto created = office().directory.create_organisation(admin(), slug("globex"), "Globex");
  administrator.join();
  ASSERT_TRUE(admin_session.run("ALTER SYSTEM RESET synchronous_standby_names"));
  ASSERT_TRUE(admin_session.run("SELECT pg_reload_conf()"));
  EXPECT_EQ(code_of(created), "ok");
  EXPECT_EQ(raw().ask("SELECT COUNT(*) FROM organisations WHERE id = 'globex'"), "1");
  EXPECT_EQ(verify_audit(office().ledger)->problem, "");
}

}  // namespace
}  // namespace countersign::authority
