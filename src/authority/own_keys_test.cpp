// The authority's own keys: what happens when one of them is not the one that the registry knows.
#include "authority/own_keys.h"

#include "authority/fixture_test.h"
#include "authority/fleet.h"
#include "store/audit.h"
#include "store/instances.h"

namespace countersign::authority {
namespace {

using testing::code_of;
using Names = std::vector<std::string>;

const OwnKeyDigests kKnown{{"acme", "aa"}, {"audit", "bb"}, {"checkpoint", "cc"}};
const OwnKeyDigests kOther{{"acme", "aa"}, {"audit", "bb"}, {"checkpoint", "dd"}};

class OwnKeysOf : public AuthorityTest {
 protected:
  void see_another(base::Duration ago) {
    auto rows = office().ledger.write_unaudited().value();
    ASSERT_TRUE(store::put_instance(rows, {"another", "host:/data", clock.now() - ago, clock.now() - ago}));
    ASSERT_TRUE(rows.commit());
  }
  std::string last_action() {
    auto rows = office().ledger.read().value();
    return store::find_last_audit(rows).value()->action;
  }
};

TEST_F(OwnKeysOf, AnAuthorityAreRememberedWithoutADecision) {
  const std::string before = last_action();
  EXPECT_EQ(remember_own_keys(office().ledger, kKnown).value(), Names{});
  EXPECT_EQ(remember_own_keys(office().ledger, kKnown).value(), Names{});
  EXPECT_EQ(last_action(), before);
}

TEST_F(OwnKeysOf, AnAuthorityMayChangeWhichIsOnRecord) {
  ASSERT_TRUE(remember_own_keys(office().ledger, kKnown));
  ASSERT_TRUE(check_own_keys(office().ledger, kOther)) << "nobody else is there";
  EXPECT_EQ(remember_own_keys(office().ledger, kOther).value(), Names{"checkpoint"});
  EXPECT_EQ(last_action(), "own_key.changed");
  EXPECT_EQ(remember_own_keys(office().ledger, kOther).value(), Names{});
}

class OwnKeysOfSeveral : public OwnKeysOf {
 protected:
  void SetUp() override {
    if (!testing::on_postgresql()) GTEST_SKIP() << "a registry in a file has one authority";
    OwnKeysOf::SetUp();
    ASSERT_TRUE(remember_own_keys(office().ledger, kKnown));
  }
};

TEST_F(OwnKeysOfSeveral, AreTheSame) {
  struct Row {
    const char* name;
    OwnKeyDigests digests;
    base::Duration seen_ago;
    std::string code;
  };
  const std::vector<Row> rows{
      {"the same key", kKnown, std::chrono::seconds(1), "ok"},
      {"another key", kOther, std::chrono::seconds(1), "keys.differ"},
      {"another key, and nobody is there any more", kOther, kSeenLately, "ok"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    see_another(row.seen_ago);
    EXPECT_EQ(code_of(check_own_keys(office().ledger, row.digests)), row.code);
  }
}

}  // namespace
}  // namespace countersign::authority
