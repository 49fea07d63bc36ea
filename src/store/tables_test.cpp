// The rules that the schema and its statements keep, whatever the authority does.
#include <gtest/gtest.h>

#include "store/audit.h"
#include "store/certificates.h"
#include "store/codes.h"
#include "store/feed.h"
#include "store/followers.h"
#include "store/issuances.h"
#include "store/issuers.h"
#include "store/living.h"
#include "store/organisations.h"
#include "store/statuses.h"
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

/// An open transaction on a registry that knows acme, its application and one issuing CA.
class Tables : public ::testing::Test {
 protected:
  void SetUp() override {
    auto registry = Registry::open(testing::registry_at(folder_ / "registry.db"));
    ASSERT_TRUE(registry) << base::to_string(registry.error());
    registry_.emplace(std::move(*registry));
    begin();
    ASSERT_TRUE(insert(tx(), OrganisationRow{"acme", "Acme", false, kNow}));
    ASSERT_TRUE(insert(tx(), ApplicationRow{kPayments, "Payments", {"pay.example", "10.0.0.1"}, false, kNow}));
    ASSERT_TRUE(insert(tx(), RootRow{"partner", "AAAA", kNow}));
    ASSERT_TRUE(
        insert(tx(), IssuingCaRow{"production-transport", "partner", "production", {"transport"}, "AAAA", kNow}));
    keep();
  }
  void begin() {
    transaction_.reset();
    auto transaction = registry_->begin();
    ASSERT_TRUE(transaction);
    transaction_.emplace(std::move(*transaction));
  }
  void keep() {
    ASSERT_TRUE(tx().commit());
    begin();
  }
  Transaction& tx() { return *transaction_; }

  static IssuanceRow issuance(const std::string& serial) {
    return {serial,     kPayments,  "transport", "{}", "spki", "tbs", "production-transport",
            "somebody", "recorded", kNow,        {}};
  }
  static CertificateRow certificate(const std::string& serial) {
    return {serial, "f" + serial, "spki",      "AAAA", kPayments, "transport", "production-transport",
            kNow,   kNow,         kNow + kDay, {},     {}};
  }
  void issue(const std::string& serial) {
    ASSERT_TRUE(insert(tx(), issuance(serial)));
    ASSERT_TRUE(insert(tx(), certificate(serial)));
  }

 private:
  testing::Folder folder_;
  std::optional<Registry> registry_;
  std::optional<Transaction> transaction_;
};

/// Two CAs that issue at once could not be told apart by whoever asks for a certificate.
TEST_F(Tables, OneCaOfALineIsActive) {
  const auto successor = [](const char* name, std::int64_t generation, const char* state) {
    IssuingCaRow row{name, "partner", "production", {"transport"}, "BBBB", kNow};
    row.line = "production-transport";
    row.generation = generation;
    row.state = state;
    return row;
  };
  EXPECT_EQ(code_of(insert(tx(), successor("production-transport-2", 2, "active"))), "store.conflict");
  begin();
  EXPECT_EQ(code_of(insert(tx(), successor("production-transport-2", 2, "distributed"))), "ok");
  keep();
  EXPECT_EQ(code_of(insert(tx(), successor("production-transport-3", 2, "prepared"))), "store.conflict");
  begin();
  EXPECT_EQ(code_of(set_issuing_ca_state(tx(), "production-transport-2", "active", kNow)), "store.conflict");
  begin();
  ASSERT_TRUE(set_issuing_ca_state(tx(), "production-transport", "superseded", kNow));
  ASSERT_TRUE(set_issuing_ca_state(tx(), "production-transport-2", "active", kNow));
  keep();
  EXPECT_EQ(find_issuing_ca_state(tx(), "production-transport")->value_or(""), "superseded");
  EXPECT_FALSE(*find_issuing_ca_state(tx(), "nobody"));
}

TEST_F(Tables, CountsAndEndsWhatACaIssued) {
  issue("01");
  issue("02");
  for (const char* issued : {"01", "02"})
    ASSERT_TRUE(*finish_issuance(tx(), issued, "issued", kNow));
  ASSERT_TRUE(insert(tx(), issuance("03")));
  ASSERT_TRUE(revoke_certificate(tx(), "02", "superseded", kNow));
  const auto now = count_issued(tx(), "production-transport", kNow);
  EXPECT_EQ(now->living, 2) << "one that is neither ended nor revoked, one intent";
  EXPECT_EQ(now->last, kNow + kDay);
  EXPECT_EQ(count_issued(tx(), "production-transport", kNow + kDay * 2)->living, 1) << "the intent";
  EXPECT_EQ(count_issued(tx(), "nobody", kNow)->last, std::nullopt);
  EXPECT_EQ(find_last_end(tx(), "production-transport")->value_or(kNow), kNow + kDay);
  EXPECT_FALSE(*find_last_end(tx(), "nobody"));
  const CaEnding ending{"production-transport", "ca_compromise", kNow, 10};
  EXPECT_EQ(end_some_of(tx(), ending), 1);
  EXPECT_EQ(end_some_of(tx(), ending), 0);
  EXPECT_EQ((*find_certificate(tx(), "01"))->revoked_for, "ca_compromise");
  EXPECT_EQ((*find_certificate(tx(), "02"))->revoked_for, "superseded") << "its own reason stays";
}

TEST_F(Tables, AFollowerIsWhatItSaidLast) {
  ASSERT_TRUE(put_follower(tx(), {"0a", "urn:one", {"11"}, kNow}));
  ASSERT_TRUE(put_follower(tx(), {"0a", "urn:one", {"11", "22"}, kNow + kDay}));
  ASSERT_TRUE(put_follower(tx(), {"0b", "urn:two", {}, kNow}));
  EXPECT_EQ(list_followers(tx(), kNow)->size(), 2U);
  EXPECT_EQ(list_followers(tx(), kNow + kDay)->front().holds.size(), 2U);
  ASSERT_TRUE(forget_followers(tx(), kNow + kDay));
  EXPECT_EQ(list_followers(tx(), kNow)->size(), 1U);
}

TEST_F(Tables, SerialIsUsedOnce) {
  ASSERT_TRUE(insert(tx(), issuance("01")));
  ASSERT_TRUE(finish_issuance(tx(), "01", "abandoned", kNow));
  EXPECT_EQ(code_of(insert(tx(), issuance("02"))), "ok");
  keep();
  EXPECT_EQ(code_of(insert(tx(), issuance("01"))), "store.conflict");
}

TEST_F(Tables, CertificateNeedsItsIssuance) {
  ASSERT_TRUE(insert(tx(), issuance("01")));
  keep();
  EXPECT_EQ(code_of(insert(tx(), certificate("01"))), "ok");
  keep();
  EXPECT_EQ(code_of(insert(tx(), certificate("02"))), "store.conflict");
}

TEST_F(Tables, FingerprintIsUnique) {
  issue("01");
  ASSERT_TRUE(insert(tx(), issuance("02")));
  keep();
  CertificateRow twin = certificate("02");
  twin.fingerprint = "f01";
  EXPECT_EQ(code_of(insert(tx(), twin)), "store.conflict");
}

TEST_F(Tables, ApplicationNeedsItsOrganisation) {
  EXPECT_EQ(code_of(insert(tx(), ApplicationRow{{"uat", "acme", "payments"}, "P", {}, false, kNow})), "ok");
  keep();
  EXPECT_EQ(code_of(insert(tx(), ApplicationRow{{"uat", "nobody", "payments"}, "P", {}, false, kNow})),
            "store.conflict");
}

TEST_F(Tables, IssuanceIsFinishedOnce) {
  ASSERT_TRUE(insert(tx(), issuance("01")));
  EXPECT_EQ(list_open_issuances(tx())->size(), 1U);
  EXPECT_EQ(finish_issuance(tx(), "01", "issued", kNow), true);
  EXPECT_EQ(finish_issuance(tx(), "01", "abandoned", kNow), false);
  EXPECT_EQ(finish_issuance(tx(), "99", "issued", kNow), false);
  EXPECT_TRUE(list_open_issuances(tx())->empty());
  const auto found = find_issuance(tx(), "01");
  EXPECT_EQ((*found)->state, "issued");
  EXPECT_EQ((*found)->finished_at, kNow);
}

TEST_F(Tables, RedemptionIsBoundToOneKeyAndDoneOnce) {
  issue("01");
  ASSERT_TRUE(
      insert(tx(), EnrolmentCodeRow{"c0de", kPayments, "operator", kNow, kNow + kDay}, {"transport", "signing"}));
  struct Step {
    const char* name;
    RedemptionRow row;
    bool accepted;
  };
  const Step steps[] = {
      {"bind", {"c0de", "transport", "key-a", {}}, true},
      {"bind again", {"c0de", "transport", "key-a", {}}, true},
      {"another key", {"c0de", "transport", "key-b", {}}, false},
      {"unknown purpose", {"c0de", "server", "key-a", {}}, false},
      {"unknown code", {"c0de2", "transport", "key-a", {}}, false},
      {"done", {"c0de", "transport", "key-a", "01"}, true},
      {"after done", {"c0de", "transport", "key-a", {}}, false},
      {"the other purpose is free", {"c0de", "signing", "key-b", {}}, true},
  };
  for (const Step& step : steps)
    EXPECT_EQ(redeem(tx(), step.row), step.accepted) << step.name;
  const auto redemptions = list_redemptions(tx(), "c0de");
  ASSERT_EQ(redemptions->size(), 2U);
  EXPECT_EQ(redemptions->at(0).purpose, "signing");
  EXPECT_FALSE(redemptions->at(0).serial.has_value());
  EXPECT_EQ(redemptions->at(1).serial, "01");
}

TEST_F(Tables, CertificatesAreListedByStatus) {
  issue("01");
  issue("02");
  issue("03");
  ASSERT_TRUE(revoke_certificate(tx(), "02", "key_compromise", kNow));
  struct Row {
    const char* name;
    CertificateStatus status;
    base::Instant now;
    std::size_t found;
  };
  const base::Instant later = kNow + kDay + base::Duration(1);
  for (const Row& row :
       {Row{"any", CertificateStatus::any, kNow, 3}, Row{"valid", CertificateStatus::valid, kNow, 2},
        Row{"valid to the last moment", CertificateStatus::valid, kNow + kDay, 2},
        Row{"valid later", CertificateStatus::valid, later, 0}, Row{"revoked", CertificateStatus::revoked, kNow, 1},
        Row{"revoked later", CertificateStatus::revoked, later, 1}, Row{"expired", CertificateStatus::expired, kNow, 0},
        Row{"expired later", CertificateStatus::expired, later, 2}}) {
    CertificateFilter filter;
    filter.of.organisation = "acme";
    filter.status = row.status;
    filter.now = row.now;
    const auto list = list_certificates(tx(), filter);
    ASSERT_TRUE(list) << base::to_string(list.error());
    EXPECT_EQ(list->size(), row.found) << row.name;
  }
  for (const auto& [at, living] : {std::pair(kNow, 3), std::pair(later, 0)}) {
    int visited = 0;
    EXPECT_TRUE(visit_living(tx(), at, [&](const LivingRow&) { ++visited; }));
    EXPECT_EQ(visited, living);
  }
  const auto revoked = find_certificate(tx(), "02");
  EXPECT_EQ((*revoked)->revoked_for, "key_compromise");
  EXPECT_EQ((*revoked)->revoked_at, kNow);
}

TEST_F(Tables, ListsAreNarrowedByTheirFilter) {
  ASSERT_TRUE(insert(tx(), OrganisationRow{"other", "Other", false, kNow}));
  ASSERT_TRUE(insert(tx(), ApplicationRow{{"uat", "other", "payments"}, "P", {}, false, kNow}));
  struct Row {
    const char* name;
    ApplicationFilter filter;
    std::size_t found;
  };
  for (const Row& row :
       {Row{"all", {}, 2}, Row{"environment", {"uat", "", ""}, 1}, Row{"organisation", {"", "acme", ""}, 1},
        Row{"application", {"", "", "payments"}, 2}, Row{"none", {"uat", "acme", ""}, 0}})
    EXPECT_EQ(list_applications(tx(), row.filter)->size(), row.found) << row.name;
}

TEST_F(Tables, ApplicationsKeepTheirServerNamesAndStanding) {
  EXPECT_EQ((*find_application(tx(), kPayments))->server_names, (std::vector<std::string>{"pay.example", "10.0.0.1"}));
  ASSERT_TRUE(replace_server_names(tx(), kPayments, {"other.example"}));
  ASSERT_TRUE(suspend_application(tx(), kPayments));
  EXPECT_EQ((*find_application(tx(), kPayments))->server_names, std::vector<std::string>{"other.example"});
  EXPECT_TRUE((*find_application(tx(), kPayments))->suspended);
  ASSERT_TRUE(resume_application(tx(), kPayments));
  EXPECT_FALSE((*find_application(tx(), kPayments))->suspended);
}

TEST_F(Tables, KeyUsesAreDistinct) {
  ASSERT_TRUE(insert(tx(), issuance("01")));
  ASSERT_TRUE(insert(tx(), issuance("02")));
  const auto uses = list_key_uses(tx(), "spki");
  ASSERT_EQ(uses->size(), 1U);
  EXPECT_EQ(uses->front().key, kPayments);
  EXPECT_EQ(uses->front().purpose, "transport");
  EXPECT_TRUE(list_key_uses(tx(), "other")->empty());
}

TEST_F(Tables, FeedSequenceIsNeverReused) {
  EXPECT_EQ(publish_facts(tx(), {"{\"n\":1}"}, kNow), 1);
  EXPECT_EQ(publish_facts(tx(), {"{\"n\":2}"}, kNow), 2);
  EXPECT_EQ(*oldest_feed_sequence(tx()), 1);
  ASSERT_TRUE(forget_feed_changes(tx(), 2));
  EXPECT_FALSE(oldest_feed_sequence(tx())->has_value());
  keep();
  EXPECT_EQ(last_feed_sequence(tx()), 2);
  EXPECT_EQ(publish_facts(tx(), {"{\"n\":3}"}, kNow), 3);
  EXPECT_EQ(publish_facts(tx(), {"{\"n\":4}"}, kNow), 4);
  const auto changes = list_feed_changes(tx(), 3, 10);
  ASSERT_EQ(changes->size(), 1U);
  EXPECT_EQ(changes->front().fact, "{\"n\":4}");
  EXPECT_EQ(list_feed_changes(tx(), 0, 1)->front().sequence, 3);
}

TEST_F(Tables, AuditIsInOrderAndItsSequenceUnique) {
  EXPECT_FALSE(find_last_audit(tx())->has_value());
  ASSERT_TRUE(append(tx(), {AuditRow{1, kNow, "a", "b", "c", "{}", "", "h1"}}));
  ASSERT_TRUE(append(tx(), {AuditRow{2, kNow, "a", "b", "c", "{}", "h1", "h2"}}));
  EXPECT_EQ((*find_last_audit(tx()))->hash, "h2");
  EXPECT_EQ(list_audit(tx(), 1, 10)->size(), 1U);
  keep();
  EXPECT_EQ(code_of(append(tx(), {AuditRow{2, kNow, "a", "b", "c", "{}", "h1", "hx"}})), "store.conflict");
}

TEST_F(Tables, IssuersAreKept) {
  const auto issuers = list_issuing_cas(tx());
  ASSERT_EQ(issuers->size(), 1U);
  EXPECT_EQ(issuers->front().purposes, std::vector<std::string>{"transport"});
  EXPECT_EQ(list_roots(tx())->front().name, "partner");
}

}  // namespace
}  // namespace countersign::store
