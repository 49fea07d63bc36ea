// What a registry and its transactions promise on both engines; then the SQLite file itself: made, reopened, damaged.
#include "store/registry.h"

#include <functional>
#include <thread>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/files.h"
#include "store/audit.h"
#include "store/feed.h"
#include "store/organisations.h"
#include "store/settings.h"
#include "testing/code_of.h"
#include "testing/folder.h"
#include "testing/raw_sqlite.h"
#include "testing/registries.h"

namespace countersign::store {
namespace {

using testing::code_of;
using testing::Folder;
using testing::RawRegistry;
using testing::RawSqlite;
using testing::registry_at;

constexpr base::Instant kNow{1'790'000'000'123'456};

Registry open(const std::filesystem::path& file) {
  auto registry = Registry::open(registry_at(file));
  EXPECT_TRUE(registry) << base::to_string(registry.error());
  return std::move(*registry);
}

Transaction begin(Registry& registry) {
  auto transaction = registry.begin();
  EXPECT_TRUE(transaction);
  return std::move(*transaction);
}

OrganisationRow organisation(const std::string& id) { return {id, "The " + id, false, kNow}; }

std::size_t count_organisations(Registry& registry) {
  Transaction transaction = begin(registry);
  return list_organisations(transaction)->size();
}

TEST(Registry, KeepsWhatWasCommitted) {
  const Folder folder;
  const auto file = folder / "a folder with = and spaces.db";
  {
    Registry registry = open(file);
    Transaction transaction = begin(registry);
    ASSERT_TRUE(insert(transaction, organisation("acme")));
    ASSERT_TRUE(transaction.commit());
  }
  Registry registry = open(file);
  Transaction transaction = begin(registry);
  const auto found = find_organisation(transaction, "acme");
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->name, "The acme");
  EXPECT_EQ((*found)->created_at, kNow);
}

TEST(Registry, ForgetsAnAbandonedTransaction) {
  struct Row {
    const char* name;
    bool commit;
    std::size_t organisations;
    std::int64_t sequence;
  };
  for (const Row& row : {Row{"committed", true, 1, 1}, Row{"abandoned", false, 0, 0}}) {
    SCOPED_TRACE(row.name);
    const Folder folder;
    {
      Registry registry = open(folder / "registry.db");
      Transaction transaction = begin(registry);
      ASSERT_TRUE(insert(transaction, organisation("acme")));
      ASSERT_TRUE(publish_facts(transaction, {"{}"}, kNow));
      if (row.commit) {
        ASSERT_TRUE(transaction.commit());
      }
    }
    Registry registry = open(folder / "registry.db");
    EXPECT_EQ(count_organisations(registry), row.organisations);
    Transaction transaction = begin(registry);
    EXPECT_EQ(last_feed_sequence(transaction), row.sequence);
  }
}

TEST(Registry, IsNotCommittedAfterAFailedStatement) {
  const Folder folder;
  Registry registry = open(folder / "registry.db");
  {
    Transaction transaction = begin(registry);
    ASSERT_TRUE(insert(transaction, organisation("acme")));
    EXPECT_EQ(code_of(insert(transaction, organisation("acme"))), "store.conflict");
    EXPECT_EQ(code_of(transaction.commit()), "store.failed_before");
  }
  EXPECT_EQ(count_organisations(registry), 0U);
}

TEST(Registry, KeepsTextAsItIs) {
  const Folder folder;
  Registry registry = open(folder / "registry.db");
  Transaction transaction = begin(registry);
  const std::string awkward = "O'Neill; DROP TABLE organisations; -- :id \xc3\xa9 \"";
  ASSERT_TRUE(insert(transaction, OrganisationRow{"acme", awkward, true, kNow}));
  const auto found = find_organisation(transaction, "acme");
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->name, awkward);
  EXPECT_TRUE((*found)->suspended);
  EXPECT_FALSE(find_organisation(transaction, "ac%")->has_value());
}

TEST(Registry, SortsByBytes) {
  const Folder folder;
  Registry registry = open(folder / "registry.db");
  Transaction transaction = begin(registry);
  for (const char* id : {"a", "B", "_", "b-c", "bb"})
    ASSERT_TRUE(insert(transaction, organisation(id)));
  std::string order;
  const auto listed = list_organisations(transaction);
  for (const OrganisationRow& row : *listed)
    order += row.id + " ";
  EXPECT_EQ(order, "B _ a b-c bb ");
}

TEST(Registry, WaitsForAnotherAmendmentBeforeItReads) {
  const Folder folder;
  Registry one = open(folder / "registry.db");
  Registry other = open(folder / "registry.db");
  Transaction first = begin(one);
  std::string seen;
  std::thread second([&] {
    Transaction transaction = begin(other);
    seen = (*find_organisation(transaction, "acme"))->name;
  });
  ASSERT_TRUE(insert(first, organisation("acme")));
  {
    Registry reader = open(folder / "registry.db");
    auto reading = reader.begin_reading();
    ASSERT_TRUE(reading);
    EXPECT_TRUE(list_organisations(*reading)->empty()) << "who reads waits for nobody and sees what was committed";
  }
  ASSERT_TRUE(first.commit());
  second.join();
  EXPECT_EQ(seen, "The acme");
}

/// One authority: appends to the chain behind whatever is its end, and publishes, `times` times.
void append_and_publish(Registry& registry, int times) {
  for (int i = 0; i < times; ++i) {
    Transaction transaction = begin(registry);
    const auto last = find_last_audit(transaction);
    ASSERT_TRUE(last) << base::to_string(last.error());
    const AuditRow before = last->value_or(AuditRow());
    const std::string hash = "h" + std::to_string(before.sequence + 1);
    ASSERT_TRUE(append(transaction, {AuditRow{before.sequence + 1, kNow, "a", "b", "c", "{}", before.hash, hash}}));
    ASSERT_EQ(publish_facts(transaction, {hash}, kNow), before.sequence + 1);
    const auto committed = transaction.commit();
    ASSERT_TRUE(committed) << base::to_string(committed.error());
  }
}

/// Every snapshot is the chain up to some record, and the feed up to the same; later ones are longer.
void watch(Registry& registry, std::int64_t last) {
  for (std::int64_t seen = 0; seen < last;) {
    auto reading = registry.begin_reading();
    ASSERT_TRUE(reading);
    const std::int64_t sequence = last_feed_sequence(*reading).value();
    const auto records = list_audit(*reading, 0, 1000).value();
    ASSERT_GE(sequence, seen);
    ASSERT_EQ(records.size(), static_cast<std::size_t>(sequence));
    ASSERT_EQ(list_feed_changes(*reading, 0, 1000)->size(), records.size());
    for (std::size_t i = 1; i < records.size(); ++i)
      ASSERT_EQ(records[i].previous, records[i - 1].hash);
    seen = sequence;
  }
}

TEST(Registry, IsAppendedToInOrderBySeveralAtOnce) {
  constexpr int kAuthorities = 4;
  constexpr int kTimes = 25;
  const Folder folder;
  std::vector<Registry> registries;
  for (int i = 0; i <= kAuthorities; ++i)
    registries.push_back(open(folder / "registry.db"));
  std::vector<std::thread> threads;
  threads.emplace_back([&] { watch(registries[0], kAuthorities * kTimes); });
  for (int i = 1; i <= kAuthorities; ++i)
    threads.emplace_back([&, i] { append_and_publish(registries[static_cast<std::size_t>(i)], kTimes); });
  for (std::thread& thread : threads)
    thread.join();
}

TEST(Registry, RefusesToChangeWhatItOnlyReads) {
  const Folder folder;
  Registry registry = open(folder / "registry.db");
  {
    auto reading = registry.begin_reading();
    ASSERT_TRUE(reading);
    EXPECT_NE(code_of(insert(*reading, organisation("acme"))), "ok");
    EXPECT_EQ(code_of(reading->commit()), "store.failed_before");
  }
  Transaction transaction = begin(registry);
  EXPECT_TRUE(insert(transaction, organisation("acme")));
}

TEST(Registry, RefusesASchemaOfANewerProgram) {
  const Folder folder;
  const auto file = folder / "registry.db";
  { const Registry registry = open(file); }
  ASSERT_TRUE(RawRegistry(file).run("INSERT INTO migrations (number, name) VALUES (999, 'from the future')"));
  EXPECT_EQ(code_of(Registry::open(registry_at(file))), "store.too_new");
  ASSERT_TRUE(RawRegistry(file).run("DELETE FROM migrations WHERE number = 999"));
  EXPECT_EQ(code_of(Registry::open(registry_at(file))), "ok");
}

TEST(Settings, AreMadeAndReplaced) {
  const Folder folder;
  Registry registry = open(folder / "registry.db");
  Transaction transaction = begin(registry);
  EXPECT_FALSE(find_setting(transaction, "a")->has_value());
  ASSERT_TRUE(set_setting(transaction, "a", "1"));
  ASSERT_TRUE(set_setting(transaction, "a", "2"));
  EXPECT_EQ(**find_setting(transaction, "a"), "2");
}

/// What is true of a SQLite file only.
class RegistryFile : public ::testing::Test {
 protected:
  void SetUp() override {
    if (testing::on_postgresql()) GTEST_SKIP() << "there is no file";
  }
};

TEST_F(RegistryFile, IsMadeForItsOwnerOnly) {
  const Folder folder;
  const Registry registry = open(folder / "registry.db");
  struct stat status {};
  ASSERT_EQ(::stat((folder / "registry.db").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  EXPECT_EQ(RawSqlite(folder / "registry.db").ask("PRAGMA journal_mode"), "wal");
}

TEST_F(RegistryFile, HoldsItsLockFromTheBeginningOfAnAmendmentOnly) {
  const Folder folder;
  const auto file = folder / "registry.db";
  Registry registry = open(file);
  RawSqlite another(file);
  const std::string write = "INSERT INTO organisations VALUES ('other', 'x', 0, 0)";
  {
    auto reading = registry.begin_reading();
    ASSERT_TRUE(reading);
    EXPECT_TRUE(list_organisations(*reading));
    EXPECT_TRUE(another.run(write)) << "who only reads is in nobody's way";
  }
  ASSERT_TRUE(another.run("DELETE FROM organisations"));
  Transaction transaction = begin(registry);
  EXPECT_TRUE(list_organisations(transaction)->empty());
  EXPECT_FALSE(another.run(write));
  EXPECT_TRUE(insert(transaction, organisation("acme"))) << "what was read is still so";
  EXPECT_TRUE(transaction.commit());
}

TEST_F(RegistryFile, StartsFromAnEmptyFile) {
  const Folder folder;
  ASSERT_TRUE(base::create_file(folder / "registry.db", "", base::FileMode::owner_only));
  Registry registry = open(folder / "registry.db");
  EXPECT_EQ(count_organisations(registry), 0U);
  EXPECT_EQ(RawSqlite(folder / "registry.db").ask("SELECT COUNT(*) > 0 FROM migrations"), "1");
}

TEST_F(RegistryFile, RefusesAFileItCannotTrust) {
  using Damage = std::function<void(const std::filesystem::path&)>;
  struct Row {
    const char* name;
    Damage damage;
    const char* code;
  };
  const auto nothing = [](const std::filesystem::path&) {};
  const auto overwrite = [](const std::filesystem::path& file) {
    ASSERT_TRUE(base::write_file(file, std::string(20'000, 'x'), base::FileMode::owner_only));
  };
  const auto cut = [](const std::filesystem::path& file) {
    std::filesystem::resize_file(file, std::filesystem::file_size(file) / 2);
  };
  const auto scribble = [](const std::filesystem::path& file) {
    std::string content = *base::read_file(file);
    content.replace(content.size() / 2, 4096, std::string(4096, '\xff'));
    ASSERT_TRUE(base::write_file(file, content, base::FileMode::owner_only));
  };
  for (const Row& row : {Row{"untouched", nothing, "ok"}, Row{"other content", overwrite, "store.corrupt"},
                         Row{"cut off", cut, "store.corrupt"}, Row{"a page overwritten", scribble, "store.corrupt"}}) {
    SCOPED_TRACE(row.name);
    const Folder folder;
    { const Registry registry = open(folder / "registry.db"); }
    row.damage(folder / "registry.db");
    EXPECT_EQ(code_of(Registry::open(folder / "registry.db")), row.code);
  }
}

TEST_F(RegistryFile, SaysWhenTheFileCannotBeMade) {
  EXPECT_EQ(code_of(Registry::open(std::filesystem::path("/nonexistent-folder/registry.db"))), "store.unavailable");
  EXPECT_EQ(code_of(Registry::open(std::filesystem::path("/tmp/with\"quote.db"))), "store.unavailable");
}

}  // namespace
}  // namespace countersign::store
