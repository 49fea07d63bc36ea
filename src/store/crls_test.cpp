// What the schema promises about CRL numbers, and which revoked certificates a shard lists.
#include "store/crls.h"

#include <gtest/gtest.h>

#include "store/certificates.h"
#include "store/issuances.h"
#include "store/issuers.h"
#include "store/organisations.h"
#include "store/statuses.h"
#include "testing/folder.h"
#include "testing/registries.h"
#include "testing/times.h"

namespace countersign::store {
namespace {

using testing::kDay;
using testing::kNow;
constexpr base::Duration kSecond = std::chrono::seconds(1);
const ApplicationKey kPayments{"production", "acme", "payments"};
const CrlKey kShard{"production-transport", 3};

class Crls : public ::testing::Test {
 protected:
  void SetUp() override {
    registry_.emplace(Registry::open(testing::registry_at(folder_ / "registry.db")).value());
    transaction_.emplace(registry_->begin().value());
    ASSERT_TRUE(insert(tx(), OrganisationRow{"acme", "Acme", false, kNow}));
    ASSERT_TRUE(insert(tx(), ApplicationRow{kPayments, "Payments", {}, false, kNow}));
    ASSERT_TRUE(insert(tx(), RootRow{"partner", "AAAA", kNow}));
    ASSERT_TRUE(insert(tx(), IssuingCaRow{kShard.issuer, "partner", "production", {"transport"}, "AAAA", kNow}));
  }
  Transaction& tx() { return *transaction_; }

  void issue(const std::string& serial, std::optional<std::int64_t> shard, base::Instant not_after = kNow + kDay) {
    ASSERT_TRUE(insert(
        tx(),
        IssuanceRow{
            serial, kPayments, "transport", "{}", "spki", "tbs", kShard.issuer, "somebody", "recorded", kNow, {}}));
    ASSERT_TRUE(insert(tx(), CertificateRow{serial,
                                            "f" + serial,
                                            "spki",
                                            "AAAA",
                                            kPayments,
                                            "transport",
                                            kShard.issuer,
                                            kNow,
                                            kNow,
                                            not_after,
                                            {},
                                            {},
                                            std::nullopt,
                                            std::nullopt,
                                            shard}));
  }
  std::vector<std::string> listed(base::Instant ends_from) {
    std::vector<std::string> serials;
    const auto rows = list_revoked(tx(), {kShard, ends_from});
    for (const RevokedRow& row : *rows)
      serials.push_back(row.serial);
    return serials;
  }

 private:
  testing::Folder folder_;
  std::optional<Registry> registry_;
  std::optional<Transaction> transaction_;
};

TEST_F(Crls, NumberAndThisUpdateOnlyRise) {
  EXPECT_FALSE(find_crl(tx(), kShard).value());
  const auto record = [&](std::int64_t number, base::Instant at) {
    return record_crl(tx(), {kShard, number, at, at + kDay, "digest", 7}).value();
  };
  EXPECT_TRUE(record(1, kNow));
  EXPECT_FALSE(record(1, kNow + kSecond)) << "the same number";
  EXPECT_FALSE(record(2, kNow)) << "the same second";
  EXPECT_FALSE(record(2, kNow - kSecond)) << "back in time";
  EXPECT_TRUE(record(2, kNow + kSecond));
  EXPECT_FALSE(record(1, kNow + kSecond * 2)) << "a number of before";
  EXPECT_EQ(find_crl(tx(), kShard).value()->number, 2);
  EXPECT_EQ(find_crl(tx(), kShard).value()->this_update, kNow + kSecond);
}

TEST_F(Crls, OnlyTheNewestIsPublished) {
  ASSERT_TRUE(record_crl(tx(), {kShard, 1, kNow, kNow + kDay, "digest", 7}).value());
  EXPECT_EQ(list_unpublished_crls(tx()).value().size(), 1U);
  EXPECT_TRUE(list_published_crls(tx()).value().empty());
  EXPECT_FALSE(publish_crl(tx(), kShard, 2, "BBBB").value());
  EXPECT_TRUE(publish_crl(tx(), kShard, 1, "AAAA").value());
  EXPECT_TRUE(list_unpublished_crls(tx()).value().empty());

  ASSERT_TRUE(record_crl(tx(), {kShard, 2, kNow + kSecond, kNow + kDay * 2, "digest", 7}).value());
  EXPECT_FALSE(publish_crl(tx(), kShard, 1, "CCCC").value()) << "another was recorded meanwhile";
  EXPECT_EQ(list_unpublished_crls(tx()).value().size(), 1U);
  const auto published = list_published_crls(tx()).value();
  ASSERT_EQ(published.size(), 1U);
  EXPECT_EQ(published[0].number, 1);
  EXPECT_EQ(published[0].this_update, kNow);
  EXPECT_EQ(published[0].next_update, kNow + kDay);
  EXPECT_EQ(published[0].der, "AAAA");
  EXPECT_EQ(published[0].feed_sequence, 7);
}

TEST_F(Crls, ListTheRevokedOfOneShardThatHaveNotEndedLongAgo) {
  issue("03", 3);
  issue("02", 3, kNow - kDay);
  issue("01", 3, kNow + kDay * 2);
  issue("04", 4);
  issue("05", 3);
  issue("06", std::nullopt);
  for (const char* serial : {"01", "02", "03", "04", "06"})
    ASSERT_TRUE(revoke_certificate(tx(), serial, "superseded", kNow));
  EXPECT_EQ(listed(kNow), (std::vector<std::string>{"01", "03"}));
  EXPECT_EQ(listed(kNow - kDay), (std::vector<std::string>{"01", "02", "03"}));
  EXPECT_EQ(listed(kNow + kDay + kSecond), (std::vector<std::string>{"01"}));

  const auto unsharded = list_unsharded(tx(), 10).value();
  ASSERT_EQ(unsharded.size(), 1U);
  ASSERT_TRUE(set_crl_shard(tx(), unsharded[0].serial, 3));
  EXPECT_EQ(listed(kNow), (std::vector<std::string>{"01", "03", "06"}));
  EXPECT_TRUE(list_unsharded(tx(), 10).value().empty());
}

TEST_F(Crls, StatusOfEachCertificate) {
  issue("01", 3);
  issue("02", 3, kNow - kDay);
  ASSERT_TRUE(revoke_certificate(tx(), "01", "key_compromise", kNow));
  std::vector<StatusRow> rows;
  ASSERT_TRUE(visit_statuses(tx(), kNow - kDay, [&](const StatusRow& row) { rows.push_back(row); }));
  EXPECT_EQ(rows.size(), 2U);
  const auto revoked = find_status(tx(), "f01").value();
  ASSERT_TRUE(revoked);
  EXPECT_EQ(revoked->revoked_at, kNow);
  EXPECT_EQ(revoked->revoked_for, "key_compromise");
  EXPECT_EQ(revoked->crl_shard, 3);
  EXPECT_FALSE(find_status(tx(), "f02").value()->revoked_at);
  EXPECT_FALSE(find_status(tx(), "f03").value());
}

TEST_F(Crls, AddressesAreKeptNewestFirst) {
  ASSERT_TRUE(note_status_url(tx(), {"http://a.example", kNow}));
  ASSERT_TRUE(note_status_url(tx(), {"http://b.example", kNow + kSecond}));
  EXPECT_EQ(list_status_urls(tx()).value().front().url, "http://b.example");
  ASSERT_TRUE(note_status_url(tx(), {"http://a.example", kNow + kDay}));
  EXPECT_EQ(list_status_urls(tx()).value().front().url, "http://a.example");
  EXPECT_EQ(list_status_urls(tx()).value().size(), 2U);
}

}  // namespace
}  // namespace countersign::store
