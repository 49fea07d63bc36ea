// The file itself: made, reopened, migrated, damaged; and what a transaction promises.
#include "store/registry.h"

#include <functional>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/files.h"
#include "store/feed.h"
#include "store/organisations.h"
#include "store/settings.h"
#include "testing/code_of.h"
#include "testing/folder.h"
#include "testing/raw_sqlite.h"

namespace countersign::store {
namespace {

using testing::code_of;
using testing::Folder;
using testing::RawSqlite;

constexpr base::Instant kNow{1'790'000'000'123'456};

Registry open(const std::filesystem::path& file) {
  auto registry = Registry::open(file);
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

TEST(Registry, IsMadeForItsOwnerOnly) {
  const Folder folder;
  const Registry registry = open(folder / "registry.db");
  struct stat status {};
  ASSERT_EQ(::stat((folder / "registry.db").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
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
  EXPECT_EQ(RawSqlite(file).ask("PRAGMA journal_mode"), "wal");
}

TEST(Registry, HoldsItsLockFromTheBeginningOfAnAmendmentOnly) {
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
      ASSERT_TRUE(publish_fact(transaction, "{}", kNow));
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

TEST(Registry, StartsFromAnEmptyFile) {
  const Folder folder;
  ASSERT_TRUE(base::create_file(folder / "registry.db", "", base::FileMode::owner_only));
  Registry registry = open(folder / "registry.db");
  EXPECT_EQ(count_organisations(registry), 0U);
  EXPECT_EQ(RawSqlite(folder / "registry.db").ask("SELECT COUNT(*) > 0 FROM migrations"), "1");
}

TEST(Registry, RefusesAFileItCannotTrust) {
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
  const auto raise = [](const std::filesystem::path& file) {
    ASSERT_TRUE(RawSqlite(file).run("INSERT INTO migrations (number, name) VALUES (999, 'from the future')"));
  };
  for (const Row& row : {Row{"untouched", nothing, "ok"}, Row{"other content", overwrite, "store.corrupt"},
                         Row{"cut off", cut, "store.corrupt"}, Row{"a page overwritten", scribble, "store.corrupt"},
                         Row{"of a newer program", raise, "store.too_new"}}) {
    SCOPED_TRACE(row.name);
    const Folder folder;
    { const Registry registry = open(folder / "registry.db"); }
    row.damage(folder / "registry.db");
    EXPECT_EQ(code_of(Registry::open(folder / "registry.db")), row.code);
  }
}

TEST(Registry, SaysWhenTheFileCannotBeMade) {
  EXPECT_EQ(code_of(Registry::open("/nonexistent-folder/registry.db")), "store.unavailable");
  EXPECT_EQ(code_of(Registry::open("/tmp/with\"quote.db")), "store.unavailable");
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

TEST(Settings, AreMadeAndReplaced) {
  const Folder folder;
  Registry registry = open(folder / "registry.db");
  Transaction transaction = begin(registry);
  EXPECT_FALSE(find_setting(transaction, "a")->has_value());
  ASSERT_TRUE(set_setting(transaction, "a", "1"));
  ASSERT_TRUE(set_setting(transaction, "a", "2"));
  EXPECT_EQ(**find_setting(transaction, "a"), "2");
}

}  // namespace
}  // namespace countersign::store
