// Partners' servers and their checks, on a real registry.
#include "store/ehi_servers.h"

#include <gtest/gtest.h>

#include "store/organisations.h"
#include "testing/code_of.h"
#include "testing/folder.h"
#include "testing/registries.h"

namespace countersign::store {
namespace {

using testing::code_of;

constexpr base::Instant kNow = base::Instant::from_unix_seconds(1'790'000'000);
constexpr base::Duration kMinute = std::chrono::minutes(1);

class EhiServerTable : public ::testing::Test {
 protected:
  void SetUp() override {
    auto registry = Registry::open(testing::registry_at(folder_ / "registry.db"));
    ASSERT_TRUE(registry);
    registry_.emplace(std::move(*registry));
    transaction_.emplace(registry_->begin().value());
    for (const char* organisation : {"acme", "globex"})
      ASSERT_TRUE(insert(tx(), OrganisationRow{organisation, "A partner", false, kNow}));
  }
  Transaction& tx() { return *transaction_; }
  EhiServerRow add(const std::string& id, const std::string& organisation, int minute) {
    EhiServerRow row;
    row.id = id;
    row.organisation = organisation;
    row.environment = "production";
    row.url = "https://" + organisation + ".example/" + id;
    row.created_by = "somebody";
    row.created_at = kNow + kMinute * minute;
    EXPECT_TRUE(insert(tx(), row));
    return row;
  }
  void ask(EhiServerRow& row, int minute) {
    row.check_state = "waiting";
    row.check_asked_by = "somebody";
    row.check_asked_at = kNow + kMinute * minute;
    ASSERT_TRUE(update(tx(), row));
  }
  std::string to_run(int minute) {
    const auto row = find_ehi_check_to_run(tx(), kNow + kMinute * minute).value();
    return row ? row->id : "none";
  }
  std::vector<std::string> listed(const std::string& organisation, int limit = 10) {
    std::vector<std::string> ids;
    const auto rows = list_ehi_servers(tx(), {organisation, limit}).value();
    for (const EhiServerRow& row : rows)
      ids.push_back(row.id);
    return ids;
  }

 private:
  testing::Folder folder_;
  std::optional<Registry> registry_;
  std::optional<Transaction> transaction_;
};

TEST_F(EhiServerTable, ListsWhatIsThereOldestFirst) {
  add("b", "acme", 2);
  EhiServerRow gone = add("a", "acme", 1);
  add("c", "globex", 3);
  EXPECT_EQ(listed(""), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(listed("", 2), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(listed("acme"), (std::vector<std::string>{"a", "b"}));
  gone.removed_at = kNow;
  ASSERT_TRUE(update(tx(), gone));
  EXPECT_EQ(listed("acme"), (std::vector<std::string>{"b"}));
  EXPECT_EQ(find_ehi_server(tx(), "a").value()->removed_at, kNow);
  EXPECT_FALSE(find_ehi_server(tx(), "x").value());
}

TEST_F(EhiServerTable, IsOfAnOrganisationThatIsThere) {
  EhiServerRow row = add("a", "acme", 1);
  row.id = "b";
  row.organisation = "nobody";
  EXPECT_EQ(code_of(insert(tx(), row)), "store.conflict");
}

TEST_F(EhiServerTable, FindsTheCheckThatHasWaitedLongestOrWasGivenUp) {
  EhiServerRow first = add("first", "acme", 1);
  EhiServerRow second = add("second", "globex", 2);
  EXPECT_EQ(to_run(100), "none");
  ask(second, 10);
  ask(first, 11);
  EXPECT_EQ(to_run(0), "second");
  EXPECT_EQ(count_ehi_checks(tx(), "").value(), 2);
  EXPECT_EQ(count_ehi_checks(tx(), "acme").value(), 1);
  second.check_state = "running";
  second.check_begun_at = kNow + kMinute * 12;
  ASSERT_TRUE(update(tx(), second));
  EXPECT_EQ(to_run(12), "first") << "that one is being run";
  EXPECT_EQ(to_run(13), "second") << "that one was given up";
  EXPECT_EQ(count_ehi_checks(tx(), "globex").value(), 1);
  second.check_state = "ended";
  ASSERT_TRUE(update(tx(), second));
  first.removed_at = kNow;
  ASSERT_TRUE(update(tx(), first));
  EXPECT_EQ(to_run(100), "none");
  EXPECT_EQ(count_ehi_checks(tx(), "").value(), 0);
}

TEST_F(EhiServerTable, KeepsTheLastReport) {
  EhiServerRow row = add("a", "acme", 1);
  EXPECT_FALSE(find_ehi_report(tx(), "a").value());
  for (const std::string& report : {std::string("{}"), std::string(200'000, 'x')}) {
    ASSERT_TRUE(put_ehi_report(tx(), "a", report));
    ask(row, 5);  // what is written of a check leaves the report alone
    EXPECT_EQ(find_ehi_report(tx(), "a").value(), report);
  }
  row.check_state = "failed";
  row.check_error = "no";
  row.check_verdict = "fail";
  row.check_ended_at = kNow;
  ASSERT_TRUE(update(tx(), row));
  const EhiServerRow kept = *find_ehi_server(tx(), "a").value();
  EXPECT_EQ(kept.check_state, "failed");
  EXPECT_EQ(kept.check_error, "no");
  EXPECT_EQ(kept.check_verdict, "fail");
  EXPECT_EQ(kept.check_ended_at, kNow);
  EXPECT_EQ(kept.check_asked_by, "somebody");
}

}  // namespace
}  // namespace countersign::store
