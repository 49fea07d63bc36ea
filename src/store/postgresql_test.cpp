// What is true of PostgreSQL only: connections that are lost at each moment, servers that are not fit, schemas.
#include <functional>
#include <thread>

#include <gtest/gtest.h>

#include "store/audit.h"
#include "store/organisations.h"
#include "store/registry.h"
#include "testing/code_of.h"
#include "testing/folder.h"
#include "testing/postgresql_server.h"
#include "testing/registries.h"

namespace countersign::store {
namespace {

using testing::code_of;
using testing::PostgresqlServer;
using testing::RawRegistry;

constexpr base::Instant kNow{1'790'000'000'123'456};
constexpr const char* kOurSessions =
    " FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'countersign-authority'";

OrganisationRow organisation(const std::string& id) { return {id, "The " + id, false, kNow}; }

class Postgresql : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!testing::on_postgresql()) GTEST_SKIP() << "COUNTERSIGN_TEST_REGISTRY is not postgresql";
    registry_.emplace(Registry::open(location()).value());
  }
  std::filesystem::path file() const { return folder_ / "registry.db"; }
  Location location() const { return testing::registry_at(file()); }
  RawRegistry raw() const { return RawRegistry(file()); }
  Registry& registry() { return *registry_; }
  void close() { registry_.reset(); }
  /// Ends our connections as an administrator, or a restart, would.
  void end_sessions() const {
    ASSERT_EQ(raw().ask(std::string("SELECT pg_terminate_backend(pid, 5000)") + kOurSessions), "t");
  }
  std::string count_organisations() const { return raw().ask("SELECT COUNT(*) FROM organisations"); }
  void configure(const std::string& setting) const {
    ASSERT_TRUE(raw().run("ALTER SYSTEM " + setting));
    ASSERT_TRUE(raw().run("SELECT pg_reload_conf()"));
  }
  static void wait_until(const std::function<bool()>& condition) {
    bool met = condition();
    for (int i = 0; i < 2000 && !met; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      met = condition();
    }
    ASSERT_TRUE(met);
  }

 private:
  testing::Folder folder_;
  std::optional<Registry> registry_;
};

TEST_F(Postgresql, IsConnectedAgainWhenTheConnectionWasLostInBetween) {
  end_sessions();
  auto transaction = registry().begin();
  ASSERT_TRUE(transaction) << base::to_string(transaction.error());
  EXPECT_TRUE(insert(*transaction, organisation("acme")));
  EXPECT_TRUE(transaction->commit());
}

TEST_F(Postgresql, KeepsNothingOfATransactionThatLostItsConnection) {
  {
    auto transaction = registry().begin();
    ASSERT_TRUE(insert(*transaction, organisation("acme")));
    end_sessions();
    EXPECT_EQ(code_of(insert(*transaction, organisation("globex"))), "store.unavailable");
    EXPECT_EQ(code_of(transaction->commit()), "store.failed_before");
  }
  EXPECT_EQ(count_organisations(), "0");
  auto transaction = registry().begin();
  EXPECT_TRUE(insert(*transaction, organisation("acme")));
  EXPECT_TRUE(transaction->commit());
}

TEST_F(Postgresql, ComesBackAfterARestartOfTheServer) {
  {
    auto transaction = registry().begin();
    ASSERT_TRUE(insert(*transaction, organisation("acme")));
    ASSERT_TRUE(transaction->commit());
  }
  PostgresqlServer::shared().stop();
  const auto refused = registry().begin();
  EXPECT_EQ(code_of(refused), "store.unavailable");
  EXPECT_EQ(refused.error().detail.find("postgresql"), std::string::npos) << "callers need not know where it is";
  EXPECT_EQ(code_of(registry().begin_reading()), "store.unavailable");
  PostgresqlServer::shared().start();
  auto transaction = registry().begin();
  ASSERT_TRUE(transaction) << base::to_string(transaction.error());
  EXPECT_TRUE(*find_organisation(*transaction, "acme")) << "what was committed outlives a crash of the server";
}

TEST_F(Postgresql, SaysThatTheOutcomeIsUnknownWhenItIs) {
  // Ends its own session when it is about to commit.
  ASSERT_TRUE(
      raw().run("CREATE FUNCTION countersign.stop() RETURNS trigger LANGUAGE plpgsql AS"
                " 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END';"
                "CREATE CONSTRAINT TRIGGER stop AFTER INSERT ON organisations DEFERRABLE INITIALLY DEFERRED"
                " FOR EACH ROW EXECUTE FUNCTION countersign.stop()"));
  {
    auto transaction = registry().begin();
    ASSERT_TRUE(insert(*transaction, organisation("acme")));
    EXPECT_EQ(code_of(transaction->commit()), "store.unknown_outcome");
    auto next = registry().begin();
    ASSERT_TRUE(next) << "the one before is over";
    EXPECT_FALSE(*find_organisation(*next, "acme"));
  }
  EXPECT_EQ(count_organisations(), "0");
}

TEST_F(Postgresql, MayHaveKeptWhatItsAnswerWasLostOf) {
  // A commit that is on disk here and waits for a standby that never comes; then its session is ended.
  configure("SET synchronous_standby_names = 'nobody'");
  wait_until([&] { return raw().ask("SHOW synchronous_standby_names") == "nobody"; });
  std::thread administrator([&] {
    RawRegistry admin = raw();
    wait_until([&] {
      return admin.ask(std::string("SELECT pg_terminate_backend(pid)") + kOurSessions +
                       " AND wait_event = 'SyncRep'") == "t";
    });
  });
  {
    auto transaction = registry().begin();
    ASSERT_TRUE(insert(*transaction, organisation("acme")));
    EXPECT_EQ(code_of(transaction->commit()), "store.unknown_outcome");
  }
  administrator.join();
  auto transaction = registry().begin();
  ASSERT_TRUE(transaction);
  EXPECT_TRUE(*find_organisation(*transaction, "acme"));
  configure("RESET synchronous_standby_names");
  wait_until([&] { return raw().ask("SHOW synchronous_standby_names").empty(); });
}

TEST_F(Postgresql, TakesTheLockFromWhoHoldsItAndIsSilent) {
  auto silent = registry().begin();
  ASSERT_TRUE(silent);
  ASSERT_TRUE(insert(*silent, organisation("acme")));
  Registry other = Registry::open(location()).value();
  {
    auto transaction = other.begin();
    ASSERT_TRUE(transaction) << base::to_string(transaction.error());
    EXPECT_FALSE(*find_organisation(*transaction, "acme"));
    EXPECT_TRUE(insert(*transaction, organisation("globex")));
    EXPECT_TRUE(transaction->commit());
  }
  EXPECT_NE(code_of(silent->commit()), "ok");
  EXPECT_EQ(count_organisations(), "1");
}

TEST_F(Postgresql, IsMadeOnceByManyThatStartTogether) {
  close();
  testing::Folder folder;
  const Location fresh = testing::registry_at(folder / "registry.db");
  std::vector<std::string> outcomes(6);
  std::vector<std::thread> threads;
  for (std::string& outcome : outcomes)
    threads.emplace_back([&] { outcome = code_of(Registry::open(fresh)); });
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(outcomes, std::vector<std::string>(6, "ok"));
}

TEST_F(Postgresql, IsNotUsedWhenItDoesNotKeepWhatItConfirms) {
  struct Row {
    const char* name;
    const char* off;
    const char* on;
  };
  for (const Row& row : {Row{"fsync", "SET fsync = off", "RESET fsync"},
                         Row{"full_page_writes", "SET full_page_writes = off", "RESET full_page_writes"}}) {
    configure(row.off);
    wait_until([&] { return raw().ask(std::string("SHOW ") + row.name) == "off"; });
    EXPECT_EQ(code_of(Registry::open(location())), "store.unfit_server") << row.name;
    configure(row.on);
    wait_until([&] { return raw().ask(std::string("SHOW ") + row.name) == "on"; });
    EXPECT_EQ(code_of(Registry::open(location())), "ok") << row.name;
  }
}

TEST_F(Postgresql, IsDurableWhateverItsRoleSays) {
  const std::string asked = "SELECT setting FROM pg_settings WHERE name = 'synchronous_commit'";
  ASSERT_TRUE(raw().run("ALTER DATABASE " + raw().ask("SELECT current_database()") + " SET synchronous_commit = off"));
  EXPECT_EQ(raw().ask(asked), "off");
  ASSERT_TRUE(
      raw().run("CREATE TABLE countersign.seen (said TEXT);"
                "CREATE FUNCTION countersign.note() RETURNS trigger LANGUAGE plpgsql AS"
                " 'BEGIN INSERT INTO countersign.seen VALUES (current_setting(''synchronous_commit''));"
                " RETURN NULL; END';"
                "CREATE TRIGGER note AFTER INSERT ON organisations EXECUTE FUNCTION countersign.note()"));
  Registry opened = Registry::open(location()).value();
  auto transaction = opened.begin();
  ASSERT_TRUE(insert(*transaction, organisation("acme")));
  ASSERT_TRUE(transaction->commit());
  EXPECT_EQ(raw().ask("SELECT said FROM countersign.seen"), "on");
}

/// A large registry takes its time, and its operators see which step it is at.
TEST_F(Postgresql, HasTimeForAMigrationAndSaysWhich) {
  close();
  ASSERT_TRUE(raw().run(
      "ALTER TABLE letters DROP COLUMN trouble_of; ALTER TABLE letters DROP COLUMN last_error_code;"
      "DELETE FROM migrations WHERE number >= 18;"
      "CREATE TABLE countersign.seen (said TEXT);"
      "CREATE FUNCTION countersign.note() RETURNS event_trigger LANGUAGE plpgsql AS"
      " 'BEGIN INSERT INTO countersign.seen VALUES (current_setting(''statement_timeout'') || '' ''"
      " || current_setting(''client_connection_check_interval'') || '' '' || current_setting(''application_name'')); "
      "END';"
      "CREATE EVENT TRIGGER note ON ddl_command_end WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION countersign.note()"));
  EXPECT_EQ(code_of(Registry::open(location())), "ok");
  EXPECT_EQ(raw().ask("SELECT DISTINCT said FROM countersign.seen"), "2h 5s countersign migration 18");
}

TEST_F(Postgresql, NeedsUtf8) {
  const std::string name = raw().ask("SELECT current_database()") + "_ascii";
  ASSERT_TRUE(raw().run("CREATE DATABASE " + name +
                        " TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C' LOCALE_PROVIDER libc"));
  const auto location = Location::parse(PostgresqlServer::shared().uri(name));
  EXPECT_EQ(code_of(Registry::open(*location)), "store.unfit_server");
  ASSERT_TRUE(raw().run("DROP DATABASE " + name));
}

TEST_F(Postgresql, NeedsNoMoreRightsThanItsOwnSchema) {
  close();
  ASSERT_TRUE(raw().run("DROP SCHEMA countersign CASCADE"));
  const std::string role = "of_" + raw().ask("SELECT current_database()");
  std::string uri = PostgresqlServer::shared().uri(raw().ask("SELECT current_database()"));
  uri.replace(uri.find("tester"), 6, role);
  ASSERT_TRUE(raw().run("CREATE ROLE " + role + " LOGIN"));
  EXPECT_EQ(code_of(Registry::open(*Location::parse(uri))), "store.unavailable") << "it may not make the schema";
  ASSERT_TRUE(raw().run("CREATE SCHEMA countersign AUTHORIZATION " + role));
  EXPECT_EQ(code_of(Registry::open(*Location::parse(uri))), "ok");
}

TEST_F(Postgresql, SaysWhatIsMissing) {
  const auto nowhere = Location::parse("postgresql:///x?host=/nonexistent-folder");
  EXPECT_EQ(code_of(Registry::open(*nowhere)), "store.unavailable");
  const auto unknown = Location::parse(PostgresqlServer::shared().uri("no_such_database"));
  const auto refused = Registry::open(*unknown);
  EXPECT_EQ(code_of(refused), "store.unavailable");
  EXPECT_NE(base::to_string(refused.error()).find("no_such_database"), std::string::npos);
  close();
  ASSERT_TRUE(raw().run("DELETE FROM counters WHERE name = 'amendments'"));
  Registry opened = Registry::open(location()).value();
  EXPECT_EQ(code_of(opened.begin()), "store.corrupt") << "without the row there is no lock";
  EXPECT_EQ(code_of(opened.begin_reading()), "ok");
}

}  // namespace
}  // namespace countersign::store
