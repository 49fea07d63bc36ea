// What gateways refused: noted a report at a time, bounded by application and by age.
#include "store/refusals.h"

#include <gtest/gtest.h>

#include "store/certificates.h"
#include "store/issuances.h"
#include "store/issuers.h"
#include "store/organisations.h"
#include "testing/code_of.h"
#include "testing/folder.h"
#include "testing/registries.h"
#include "testing/times.h"

namespace countersign::store {
namespace {

using testing::code_of;
using testing::kDay;
using testing::kNow;
const ApplicationKey kPayments{"production", "acme", "payments"};
const ApplicationKey kCards{"production", "acme", "cards"};

/// An open transaction on a registry that knows two applications of acme.
class RefusalTables : public ::testing::Test {
 protected:
  void SetUp() override {
    rows_.emplace(registry_.begin().value());
    ASSERT_TRUE(insert(rows(), OrganisationRow{"acme", "Acme", false, kNow}));
    for (const ApplicationKey& key : {kPayments, kCards})
      ASSERT_TRUE(insert(rows(), ApplicationRow{key, "One", {}, false, kNow}));
    ASSERT_TRUE(insert(rows(), RootRow{"partner", "AAAA", kNow}));
    ASSERT_TRUE(insert(rows(), IssuingCaRow{"ca", "partner", "production", {"transport"}, "AAAA", kNow}));
  }
  Transaction& rows() { return *rows_; }
  void keep_and_note() {
    ASSERT_TRUE(rows().commit());
    rows_.reset();
    rows_.emplace(registry_.begin_noting().value());
  }
  void issue(const std::string& serial, const ApplicationKey& key) {
    ASSERT_TRUE(insert(
        rows(), IssuanceRow{serial, key, "transport", "{}", "spki", "tbs", "ca", "somebody", "issued", kNow, kNow}));
    ASSERT_TRUE(insert(
        rows(),
        CertificateRow{serial, "f" + serial, "spki", "AAAA", key, "transport", "ca", kNow, kNow, kNow + kDay, {}, {}}));
  }
  static RefusalRow refusal(const std::string& fingerprint, const ApplicationKey& key = kPayments) {
    return {key, fingerprint, "revoked", "01", 1, kNow, kNow, "gateway"};
  }
  std::size_t count() { return list_refusals(rows(), {}, 10'000)->size(); }

 private:
  testing::Folder folder_;
  Registry registry_ = Registry::open(testing::registry_at(folder_ / "registry.db")).value();
  std::optional<Transaction> rows_;
};

TEST_F(RefusalTables, AddUp) {
  ASSERT_TRUE(add_refusals(rows(), {refusal("f1")}));
  RefusalRow later = refusal("f1");
  later.times = 4;
  later.first_seen_at = kNow - kDay;
  later.last_seen_at = kNow + kDay;
  later.gateway = "gateway-2";
  ASSERT_TRUE(add_refusals(rows(), {later, refusal("f2", kCards)}));
  RefusalRow other = refusal("f1");
  other.reason = "expired";
  ASSERT_TRUE(add_refusals(rows(), {refusal("f1"), other}));
  const auto found = list_refusals(rows(), {"production", "acme", "payments"}, 10);
  ASSERT_TRUE(found) << base::to_string(found.error());
  ASSERT_EQ(found->size(), 2U);
  EXPECT_EQ(found->front().times, 6);
  EXPECT_EQ(found->front().first_seen_at, kNow - kDay);
  EXPECT_EQ(found->front().last_seen_at, kNow + kDay);
  EXPECT_EQ(found->front().gateway, "gateway-2") << "who saw it last";
  EXPECT_EQ(found->back().reason, "expired");
  EXPECT_TRUE(list_refusals(rows(), {"", "other", ""}, 10)->empty());
  EXPECT_EQ(list_refusals(rows(), {}, 1)->size(), 1U);
}

TEST_F(RefusalTables, OfAnApplicationAreBounded) {
  std::vector<RefusalRow> some;
  for (int i = 0; i < 300; ++i)
    for (const ApplicationKey& key : {kPayments, kCards})
      some.push_back(refusal("f" + std::to_string(1000 + i), key));
  some.push_back(refusal("f9"));
  some.back().last_seen_at = kNow + kDay;
  ASSERT_TRUE(add_refusals(rows(), some));
  ASSERT_TRUE(keep_newest_refusals(rows(), {}, 3));
  ASSERT_TRUE(keep_newest_refusals(rows(), {{"production", "acme", "other"}}, 3));
  EXPECT_EQ(count(), 601U) << "of another application";
  ASSERT_TRUE(keep_newest_refusals(rows(), {kPayments}, 3));
  EXPECT_EQ(list_refusals(rows(), {"production", "acme", "cards"}, 1000)->size(), 300U);
  ASSERT_TRUE(keep_newest_refusals(rows(), {kCards, kPayments}, 2));
  const auto left = list_refusals(rows(), {}, 10);
  ASSERT_EQ(left->size(), 4U) << "of each so many";
  EXPECT_EQ(left->front().fingerprint, "f9") << "the newest stays";
}

TEST_F(RefusalTables, AreForgottenByPortions) {
  std::vector<RefusalRow> some;
  for (int i = 0; i < 5; ++i) {
    some.push_back(refusal("f" + std::to_string(i)));
    some.back().last_seen_at = kNow + kDay * i;
  }
  ASSERT_TRUE(add_refusals(rows(), some));
  EXPECT_EQ(*forget_refusals(rows(), kNow + kDay * 3, 2), 2);
  EXPECT_EQ(list_refusals(rows(), {}, 10)->back().fingerprint, "f2") << "the oldest first";
  EXPECT_EQ(*forget_refusals(rows(), kNow + kDay * 3, 2), 1);
  EXPECT_EQ(*forget_refusals(rows(), kNow + kDay * 3, 2), 0);
  EXPECT_EQ(count(), 2U) << "seen since";
}

TEST_F(RefusalTables, NeedTheirApplication) {
  EXPECT_EQ(code_of(add_refusals(rows(), {refusal("f1", {"production", "acme", "none"})})), "store.conflict");
}

TEST_F(RefusalTables, AreOfCertificatesThatAreKnown) {
  issue("01", kPayments);
  issue("02", kCards);
  keep_and_note();
  EXPECT_TRUE(find_refused(rows(), {})->empty());
  EXPECT_TRUE(find_refused(rows(), {"f03"})->empty());
  std::vector<std::string> many(kMostRefused, "f03");
  many.back() = "f02";
  const auto found = find_refused(rows(), many);
  ASSERT_TRUE(found) << base::to_string(found.error());
  ASSERT_EQ(found->size(), 1U);
  EXPECT_EQ(found->front().key, kCards);
  EXPECT_EQ(found->front().serial, "02");
  ASSERT_TRUE(add_refusals(rows(), {refusal("f02", kCards)}));
  EXPECT_TRUE(rows().commit());
}

}  // namespace
}  // namespace countersign::store
