// What senders met at partners' servers, and outages, on a real registry.
#include "store/ehi_troubles.h"

#include <gtest/gtest.h>

#include "store/ehi_servers.h"
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

class EhiTroubleTable : public ::testing::Test {
 protected:
  void SetUp() override {
    auto registry = Registry::open(testing::registry_at(folder_ / "registry.db"));
    ASSERT_TRUE(registry);
    registry_.emplace(std::move(*registry));
    transaction_.emplace(registry_->begin().value());
    for (const char* organisation : {"acme", "globex"}) {
      ASSERT_TRUE(insert(tx(), OrganisationRow{organisation, "A partner", false, kNow}));
      EhiServerRow server{organisation,       organisation, "production", "https://host.example/",
                          "host.example:443", "somebody"};
      server.created_at = kNow;
      ASSERT_TRUE(insert(tx(), server));
    }
  }
  Transaction& tx() { return *transaction_; }
  static EhiTroubleRow trouble(const std::string& server, const std::string& endpoint, int minute) {
    EhiTroubleRow row{server, "ehi", endpoint, "decisions", "refused", "ehi.refused"};
    row.reason = "expired";
    row.times = 2;
    row.first_at = row.last_at = row.heard_at = kNow + kMinute * minute;
    return row;
  }
  std::string listed(const EhiTroubleFilter& filter) {
    std::string text;
    const auto rows = list_ehi_troubles(tx(), filter).value();
    for (const EhiTroubleRow& row : rows)
      text += row.endpoint + " ";
    return text;
  }

 private:
  testing::Folder folder_;
  std::optional<Registry> registry_;
  std::optional<Transaction> transaction_;
};

TEST_F(EhiTroubleTable, KeepsTheNewestOfEach) {
  ASSERT_TRUE(put(tx(), trouble("acme", "a", 1)));
  EhiTroubleRow later = trouble("acme", "a", 2);
  later.state = "unreachable";
  later.reason = std::nullopt;
  later.ended_at = kNow + kMinute * 3;
  ASSERT_TRUE(put(tx(), later));
  const auto found = find_ehi_trouble(tx(), {"acme", "ehi", "a", "decisions"}).value();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->state, "unreachable");
  EXPECT_EQ(found->reason, std::nullopt);
  EXPECT_EQ(found->ended_at, later.ended_at);
  EXPECT_FALSE(find_ehi_trouble(tx(), {"acme", "ehi-two", "a", "decisions"}).value());
  EXPECT_EQ(listed({.limit = 10}), "a ");
}

TEST_F(EhiTroubleTable, ListsAndForgets) {
  for (int i = 0; i < 4; ++i)
    ASSERT_TRUE(put(tx(), trouble(i < 3 ? "acme" : "globex", std::string(1, static_cast<char>('a' + i)), i)));
  EXPECT_EQ(listed({.limit = 10}), "d c b a ");
  EXPECT_EQ(listed({.limit = 2}), "d c ");
  EXPECT_EQ(listed({.servers = {"acme"}, .limit = 10}), "c b a ");
  EXPECT_EQ(listed({.organisation = "globex", .limit = 10}), "d ");
  ASSERT_TRUE(keep_newest_ehi_troubles(tx(), "acme", 2));
  EXPECT_EQ(listed({.limit = 10}), "d c b ");
  ASSERT_TRUE(forget_ehi_troubles(tx(), kNow + kMinute * 2));
  EXPECT_EQ(listed({.limit = 10}), "d c ");
  EhiServerRow gone = find_ehi_server(tx(), "acme").value().value();
  gone.removed_at = kNow;
  ASSERT_TRUE(update(tx(), gone));
  EXPECT_EQ(listed({.limit = 10}), "d ") << "not of a server that was removed";
}

TEST_F(EhiTroubleTable, IsOfServersThatThereAre) {
  EXPECT_EQ(code_of(put(tx(), trouble("nobody", "a", 1))), "store.conflict");
}

TEST_F(EhiTroubleTable, HasOneOutageOfAServerAtATime) {
  EhiOutageRow row{"acme", kNow, "refused", "ehi.refused"};
  row.refused_told_at = kNow;
  ASSERT_TRUE(insert(tx(), row));
  row.ended_at = kNow + kMinute;
  row.ended_by = "recovered";
  ASSERT_TRUE(update(tx(), row));
  EXPECT_TRUE(list_open_ehi_outages(tx(), {"acme"}).value().empty());
  EhiOutageRow next{"acme", kNow + kMinute * 5, "unreachable", "ehi.timeout"};
  ASSERT_TRUE(insert(tx(), next));
  EXPECT_EQ(list_open_ehi_outages(tx(), {"acme"}).value().at(0).code, "ehi.timeout");
  EXPECT_EQ(list_open_ehi_outages(tx(), {"acme", "globex"}).value().size(), 1U);
  EXPECT_TRUE(list_open_ehi_outages(tx(), {"globex"}).value().empty());
  const auto all = list_ehi_outages(tx(), "acme", 10).value();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].code + " " + all[1].code, "ehi.timeout ehi.refused");
  EXPECT_EQ(all[1].refused_told_at, kNow);
  ASSERT_TRUE(forget_ehi_outages(tx(), kNow + kMinute * 2));
  EXPECT_EQ(list_ehi_outages(tx(), "acme", 10).value().size(), 1U);
  EhiOutageRow third{"acme", kNow + kMinute * 6, "refused", "ehi.refused"};
  EXPECT_EQ(code_of(insert(tx(), third)), "store.conflict");
}

}  // namespace
}  // namespace countersign::store
