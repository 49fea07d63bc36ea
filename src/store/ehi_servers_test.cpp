// Partners' servers and their checks, on a real registry.
#include "store/ehi_servers.h"

#include <gtest/gtest.h>

#include "store/ehi_troubles.h"
#include "store/organisations.h"
#include "testing/code_of.h"
#include "testing/folder.h"
#include "testing/registries.h"
#include "testing/times.h"

namespace countersign::store {
namespace {

using testing::code_of;
using testing::kMinute;
using testing::kNow;

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
    row.address = organisation + ".example:443";
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
  /// Of what runs, what was begun before `minute` is given up, and what is after `not_yet` cannot have begun.
  std::string to_run(int minute, int not_yet = 1000) {
    const EhiCheckTimes times{.given_up = kNow + kMinute * minute, .not_yet = kNow + kMinute * not_yet};
    const auto row = find_ehi_check_to_run(tx(), times).value();
    return row ? row->id : "none";
  }
  std::vector<std::string> listed(const std::string& organisation, int limit = 10) {
    std::vector<std::string> ids;
    const auto rows = list_ehi_servers(tx(), {.organisation = organisation, .limit = limit}).value();
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
  EXPECT_EQ(to_run(12, 11), "second") << "it is said to begin later than anybody's clock goes";
  EXPECT_EQ(to_run(12, 12), "first");
  EXPECT_EQ(count_ehi_checks(tx(), "globex").value(), 1);
  second.check_state = "ended";
  ASSERT_TRUE(update(tx(), second));
  first.removed_at = kNow;
  ASSERT_TRUE(update(tx(), first));
  EXPECT_EQ(to_run(100), "none");
  EXPECT_EQ(count_ehi_checks(tx(), "").value(), 0);
}

TEST_F(EhiServerTable, GoesOnBehindAPlaceInTheList) {
  for (const char* id : {"c", "a", "b"})
    add(id, "acme", 1);
  add("0", "globex", 2);
  std::vector<std::string> ids;
  std::optional<EhiServerPlace> after;
  for (;;) {
    const auto rows = list_ehi_servers(tx(), {.organisation = "", .after = after, .limit = 1}).value();
    if (rows.empty()) break;
    ids.push_back(rows.front().id);
    after = EhiServerPlace{rows.front().created_at, rows.front().id};
  }
  EXPECT_EQ(ids, (std::vector<std::string>{"a", "b", "c", "0"}));
}

TEST_F(EhiServerTable, TellsWhatHappensAtAnAddress) {
  const auto use = [&](int now) {
    const EhiCheckTimes times{.given_up = kNow + kMinute * (now - 5), .not_yet = kNow + kMinute * (now + 1)};
    return find_ehi_address_use(tx(), {"acme.example:443", times, kNow + kMinute * now}).value();
  };
  EhiServerRow first = add("first", "acme", 1);
  EhiServerRow second = add("second", "acme", 1);
  EXPECT_FALSE(use(2).under_way || use(2).ended_at);
  ask(first, 2);
  EXPECT_TRUE(use(2).under_way);
  first.removed_at = kNow;
  ASSERT_TRUE(update(tx(), first));
  EXPECT_FALSE(use(2).under_way) << "it will not begin any more";
  first.check_state = "running";
  first.check_begun_at = kNow + kMinute * 3;
  ASSERT_TRUE(update(tx(), first));
  EXPECT_TRUE(use(3).under_way) << "whoever runs it does not know that it was removed";
  EXPECT_TRUE(use(8).under_way);
  EXPECT_FALSE(use(9).under_way) << "given up";
  EXPECT_FALSE(use(1).under_way) << "not begun, by any clock";
  first.check_state = "failed";
  first.check_ended_at = kNow + kMinute * 4;
  ASSERT_TRUE(update(tx(), first));
  second.check_state = "ended";
  second.check_ended_at = kNow + kMinute * 2;
  ASSERT_TRUE(update(tx(), second));
  EXPECT_EQ(use(4).ended_at, first.check_ended_at);
  EXPECT_EQ(use(3).ended_at, second.check_ended_at) << "what is yet to come has not ended";
  EXPECT_FALSE(use(4).under_way);
}

TEST_F(EhiServerTable, KnowsAnAddressOfAnother) {
  const EhiServerRow row = add("a", "acme", 1);
  EhiServerRow same = add("b", "globex", 1);
  EXPECT_FALSE(has_another_organisation(tx(), row).value());
  same.address = row.address;
  EXPECT_TRUE(has_another_organisation(tx(), same).value());
  EhiServerRow gone = row;
  gone.removed_at = kNow;
  ASSERT_TRUE(update(tx(), gone));
  EXPECT_FALSE(has_another_organisation(tx(), same).value());
}

TEST_F(EhiServerTable, ForgetsWhatWasRemovedLongAgo) {
  EhiServerRow old = add("old", "acme", 1);
  EhiServerRow late = add("late", "acme", 2);
  add("there", "acme", 3);
  ASSERT_TRUE(put_ehi_report(tx(), "late", "{}"));
  EXPECT_EQ(count_ehi_servers_added(tx(), "acme", kNow).value(), 3);
  EXPECT_EQ(count_ehi_servers_added(tx(), "acme", kNow + kMinute).value(), 2);
  EXPECT_EQ(count_ehi_servers_added(tx(), "globex", kNow).value(), 0);
  old.removed_at = kNow + kMinute * 4;
  late.removed_at = kNow + kMinute * 5;
  ASSERT_TRUE(update(tx(), old) && update(tx(), late) && drop_ehi_report(tx(), "late"));
  EXPECT_FALSE(find_ehi_report(tx(), "late").value());
  for (const char* id : {"old", "late", "there"}) {
    ASSERT_TRUE(put(tx(), EhiTroubleRow{id, "ehi", "a", "decisions", "refused", "ehi.refused"}));
    ASSERT_TRUE(insert(tx(), EhiOutageRow{id, kNow, "refused", "ehi.refused"}));
  }
  ASSERT_TRUE(forget_ehi_servers(tx(), kNow + kMinute * 5)) << "what calls met there goes with it";
  EXPECT_EQ(list_open_ehi_outages(tx(), {"old", "late", "there"}).value().size(), 2U);
  EXPECT_FALSE(find_ehi_trouble(tx(), {"old", "ehi", "a", "decisions"}).value());
  EXPECT_TRUE(find_ehi_trouble(tx(), {"there", "ehi", "a", "decisions"}).value());
  EXPECT_FALSE(find_ehi_server(tx(), "old").value());
  EXPECT_TRUE(find_ehi_server(tx(), "late").value());
  EXPECT_EQ(listed("acme"), (std::vector<std::string>{"there"}));
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
  row.check_not_tried = 7;
  row.confirmed_by = "an operator";
  row.confirmed_at = kNow;
  row.check_ended_at = kNow;
  ASSERT_TRUE(update(tx(), row));
  const EhiServerRow kept = *find_ehi_server(tx(), "a").value();
  EXPECT_EQ(kept.check_state, "failed");
  EXPECT_EQ(kept.check_error, "no");
  EXPECT_EQ(kept.check_verdict, "fail");
  EXPECT_EQ(kept.check_not_tried, 7);
  EXPECT_EQ(kept.confirmed_by, "an operator");
  EXPECT_EQ(kept.confirmed_at, kNow);
  EXPECT_EQ(kept.check_ended_at, kNow);
  EXPECT_EQ(kept.check_asked_by, "somebody");
}

}  // namespace
}  // namespace countersign::store
