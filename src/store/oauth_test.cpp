// The rules that the tables of the authorisation server keep, whatever the authority does.
#include <gtest/gtest.h>

#include "store/oauth_clients.h"
#include "store/oauth_tokens.h"
#include "store/organisations.h"
#include "testing/code_of.h"
#include "testing/folder.h"
#include "testing/registries.h"
#include "testing/times.h"

namespace countersign::store {
namespace {

using testing::code_of;
using testing::kNow;
constexpr base::Duration kHour = std::chrono::hours(1);
const ApplicationKey kPayments{"production", "acme", "payments"};

class OauthTables : public ::testing::Test {
 protected:
  void SetUp() override {
    registry_.emplace(Registry::open(testing::registry_at(folder_ / "registry.db")).value());
    begin();
    ASSERT_TRUE(insert(tx(), OrganisationRow{"acme", "Acme", false, kNow}));
    ASSERT_TRUE(insert(tx(), ApplicationRow{kPayments, "Payments", {}, false, kNow}));
    ASSERT_TRUE(insert(tx(), client()));
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
  static OauthClientRow client() {
    return {kPayments, "active", {"private_key_jwt"}, {"a", "b"}, {"https://x"}, "{}", "{\"x\":1}", {}, "admin",
            kNow,      kNow};
  }

 private:
  testing::Folder folder_;
  std::optional<Registry> registry_;
  std::optional<Transaction> transaction_;
};

TEST_F(OauthTables, KeepClientsAsTheyAre) {
  auto found = find_oauth_client(tx(), kPayments);
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->scopes, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ((*found)->metadata, "{\"x\":1}");
  EXPECT_FALSE((*found)->registration_sha256 || (*found)->cut_at);
  OauthClientRow changed = **found;
  changed.state = "disabled";
  changed.registration_sha256 = "ab";
  changed.cut_at = kNow;
  ASSERT_TRUE(update(tx(), changed));
  keep();
  found = find_oauth_client(tx(), kPayments);
  EXPECT_EQ((*found)->state, "disabled");
  EXPECT_EQ((*found)->registration_sha256, "ab");
  EXPECT_EQ((*found)->cut_at, kNow);
  EXPECT_EQ(list_oauth_clients(tx(), {})->size(), 1U);
  EXPECT_EQ(list_oauth_clients(tx(), {"production", "acme", "payments"})->size(), 1U);
  EXPECT_TRUE(list_oauth_clients(tx(), {"uat", "", ""})->empty());
  EXPECT_FALSE(find_oauth_client(tx(), {"uat", "acme", "payments"})->has_value());
}

TEST_F(OauthTables, HaveOneClientForAnApplicationThatIsThere) {
  EXPECT_EQ(code_of(insert(tx(), client())), "store.conflict");
  begin();
  OauthClientRow nobody = client();
  nobody.key.application = "nobody";
  EXPECT_EQ(code_of(insert(tx(), nobody)), "store.conflict");
}

TEST_F(OauthTables, KeepSecretsUntilTheyAreCancelled) {
  ASSERT_TRUE(insert(tx(), OauthSecretRow{"one", kPayments, "scrypt:...", "admin", kNow}));
  ASSERT_TRUE(cancel_oauth_secret(tx(), "one", kNow + kHour));
  ASSERT_TRUE(cancel_oauth_secret(tx(), "one", kNow + 2 * kHour));
  const auto secrets = list_oauth_secrets(tx(), kPayments);
  ASSERT_EQ(secrets->size(), 1U);
  EXPECT_EQ(secrets->front().cancelled_at, kNow + kHour);
  ASSERT_TRUE(remove_oauth_client(tx(), kPayments));
  EXPECT_TRUE(list_oauth_secrets(tx(), kPayments)->empty());
}

TEST_F(OauthTables, TakeAnAssertionOnce) {
  EXPECT_EQ(use_oauth_assertion(tx(), {"c", "digest", kNow + kHour}).value(), true);
  EXPECT_EQ(use_oauth_assertion(tx(), {"c", "digest", kNow + 2 * kHour}).value(), false);
  EXPECT_EQ(use_oauth_assertion(tx(), {"d", "digest", kNow + kHour}).value(), true);
  keep();
  EXPECT_EQ(use_oauth_assertion(tx(), {"c", "digest", kNow + kHour}).value(), false);
  ASSERT_TRUE(forget_oauth_assertions(tx(), kNow + kHour));
  EXPECT_EQ(use_oauth_assertion(tx(), {"c", "digest", kNow + kHour}).value(), false);
  ASSERT_TRUE(forget_oauth_assertions(tx(), kNow + kHour + std::chrono::microseconds(1)));
  EXPECT_EQ(use_oauth_assertion(tx(), {"c", "digest", kNow + kHour}).value(), true);
}

TEST_F(OauthTables, KnowKeysAndRevocationsUntilTheyEnd) {
  OauthKeyRow key{"k1", "https://x", "{}", "pem", kNow, kNow, kNow + kHour, kNow + 2 * kHour};
  ASSERT_TRUE(insert(tx(), key));
  EXPECT_EQ(list_oauth_keys(tx(), kNow)->size(), 1U);
  EXPECT_TRUE(list_oauth_keys(tx(), kNow + 2 * kHour)->empty());
  key.sealed.clear();
  key.known_until = kNow;
  ASSERT_TRUE(update(tx(), key));
  EXPECT_TRUE(list_oauth_keys(tx(), kNow)->empty());
  EXPECT_EQ(revoke_oauth_token(tx(), {"t", "c", kNow, kNow + kHour}).value(), true);
  EXPECT_EQ(revoke_oauth_token(tx(), {"t", "c", kNow, kNow + kHour}).value(), false);
  EXPECT_TRUE(is_oauth_token_revoked(tx(), "t").value());
  EXPECT_FALSE(is_oauth_token_revoked(tx(), "u").value());
  EXPECT_EQ(list_oauth_revocations(tx(), kNow)->size(), 1U);
  EXPECT_TRUE(list_oauth_revocations(tx(), kNow + kHour)->empty());
  ASSERT_TRUE(forget_oauth_revocations(tx(), kNow + 2 * kHour));
  EXPECT_FALSE(is_oauth_token_revoked(tx(), "t").value());
}

}  // namespace
}  // namespace countersign::store
