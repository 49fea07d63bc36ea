// The rules that the tables of ACME keep, whatever the authority does.
#include "store/acme.h"

#include <gtest/gtest.h>

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

class AcmeTables : public ::testing::Test {
 protected:
  void SetUp() override {
    registry_.emplace(Registry::open(testing::registry_at(folder_ / "registry.db")).value());
    begin();
    ASSERT_TRUE(insert(tx(), OrganisationRow{"acme", "Acme", false, kNow}));
    ASSERT_TRUE(insert(tx(), ApplicationRow{kPayments, "Payments", {}, false, kNow}));
    ASSERT_TRUE(insert(tx(), AcmeCredentialRow{"kid", kPayments, {"transport"}, "admin", kNow, kNow + kDay}));
    ASSERT_TRUE(insert(tx(), account("one", "print")));
    keep();
  }
  void begin() {
    transaction_.reset();
    transaction_.emplace(registry_->begin().value());
  }
  void keep() {
    ASSERT_TRUE(tx().commit());
    begin();
  }
  Transaction& tx() { return *transaction_; }
  static AcmeAccountRow account(const std::string& id, const std::string& thumbprint) {
    return {id, thumbprint, "{}", "valid", {"mailto:a@example.com"}, kPayments, {"transport", "signing"}, "kid", kNow};
  }
  static AcmeOrderRow order(const std::string& id, const std::string& status = "ready") {
    return {id, "one", "transport", {"payments"}, status, {}, {}, {}, {}, kNow, kNow + kDay};
  }

 private:
  testing::Folder folder_;
  std::optional<Registry> registry_;
  std::optional<Transaction> transaction_;
};

TEST_F(AcmeTables, KeepWhatTheyAreGiven) {
  const auto found = find_acme_account(tx(), "one");
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->contact, std::vector<std::string>{"mailto:a@example.com"});
  EXPECT_EQ((*found)->purposes, (std::vector<std::string>{"transport", "signing"}));
  EXPECT_EQ((*found)->key, kPayments);
  EXPECT_FALSE(find_acme_account(tx(), "two")->has_value());
  EXPECT_EQ((*find_acme_account_of_key(tx(), "print"))->id, "one");
  AcmeAccountRow changed = **found;
  changed.status = "deactivated";
  changed.thumbprint = "other";
  changed.contact = {};
  ASSERT_TRUE(update(tx(), changed));
  EXPECT_FALSE(find_acme_account_of_key(tx(), "print")->has_value());
  EXPECT_EQ((*find_acme_account_of_key(tx(), "other"))->status, "deactivated");
}

TEST_F(AcmeTables, LetAKeyHaveOneAccount) {
  EXPECT_EQ(code_of(insert(tx(), account("two", "print"))), "store.conflict");
  begin();
  EXPECT_EQ(code_of(insert(tx(), account("two", "another"))), "ok");
}

TEST_F(AcmeTables, LetACredentialMakeOneAccount) {
  EXPECT_FALSE((*find_acme_credential(tx(), "kid"))->account);
  EXPECT_EQ(use_acme_credential(tx(), "kid", "one").value(), true);
  EXPECT_EQ(use_acme_credential(tx(), "kid", "two").value(), false);
  EXPECT_EQ((*find_acme_credential(tx(), "kid"))->account, "one");
  EXPECT_EQ(use_acme_credential(tx(), "unknown", "two").value(), false);
  ASSERT_TRUE(cancel_acme_credential(tx(), "kid", kNow));
  EXPECT_EQ(list_acme_credentials(tx(), kPayments)->front().cancelled_at, kNow);
}

TEST_F(AcmeTables, CountAndForgetOrders) {
  ASSERT_TRUE(insert(tx(), order("a")));
  ASSERT_TRUE(insert(tx(), order("b", "processing")));
  ASSERT_TRUE(insert(tx(), order("c", "invalid")));
  AcmeOrderRow old = order("d");
  old.created_at = kNow - kDay * 3;
  old.expires_at = kNow - kDay * 2;
  ASSERT_TRUE(insert(tx(), old));
  const auto count = count_acme_orders(tx(), "one", kNow, kNow - kDay);
  EXPECT_EQ(count->open, 2);
  EXPECT_EQ(count->since, 3);
  ASSERT_TRUE(forget_acme_orders(tx(), kNow - kDay));
  EXPECT_FALSE(find_acme_order(tx(), "d")->has_value());
  const auto listed = list_acme_orders(tx(), "one", 10);
  ASSERT_EQ(listed->size(), 3U);
  AcmeOrderRow changed = order("a", "invalid");
  changed.error = "{}";
  ASSERT_TRUE(update(tx(), changed));
  EXPECT_EQ((*find_acme_order(tx(), "a"))->error, "{}");
  EXPECT_FALSE((*find_acme_order(tx(), "a"))->csr);
}

TEST_F(AcmeTables, KnowNoStatusOfTheirOwn) {
  EXPECT_EQ(code_of(insert(tx(), order("x", "done"))), "store.conflict");
  begin();
  EXPECT_EQ(code_of(insert(tx(), order("x", "valid"))), "ok");
}

}  // namespace
}  // namespace countersign::store
