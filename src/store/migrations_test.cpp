// Registries of before a migration, brought up to date with all that is in them.
#include <gtest/gtest.h>

#include "store/certificate_search.h"
#include "store/issuances.h"
#include "store/issuers.h"
#include "store/notices.h"
#include "store/organisations.h"
#include "store/registry.h"
#include "testing/folder.h"
#include "testing/registries.h"
#include "testing/times.h"

namespace countersign::store {
namespace {

using testing::kDay;
using testing::kNow;
const ApplicationKey kPayments{"production", "acme", "payments"};

/// What migration 14 laid, taken back.
constexpr const char* kBefore14[] = {
    "DROP INDEX certificates_by_replaces",      "CREATE INDEX certificates_by_replaces ON certificates (replaces)",
    "DROP INDEX certificates_revoked_by_key",   "CREATE INDEX certificates_by_key ON certificates (spki_sha256)",
    "DELETE FROM migrations WHERE number = 14",
};

class Migrations : public ::testing::Test {
 protected:
  Registry open() { return Registry::open(testing::registry_at(file())).value(); }
  std::filesystem::path file() const { return folder_ / "registry.db"; }
  testing::RawRegistry raw() const { return testing::RawRegistry(file()); }

  static void issue(Transaction& rows, const std::string& serial, const std::string& key,
                    std::optional<std::string> replaces = std::nullopt) {
    ASSERT_TRUE(insert(
        rows, IssuanceRow{serial, kPayments, "transport", "{}", key, "tbs", "ca", "somebody", "issued", kNow, kNow}));
    CertificateRow row{serial, "f" + serial, key,  "AAAA",      kPayments, "transport",
                       "ca",   kNow,         kNow, kNow + kDay, {},        {}};
    row.replaces = std::move(replaces);
    ASSERT_TRUE(insert(rows, row));
  }
  static void fill(Transaction& rows) {
    ASSERT_TRUE(insert(rows, OrganisationRow{"acme", "Acme", false, kNow}));
    ASSERT_TRUE(insert(rows, ApplicationRow{kPayments, "Payments", {}, false, kNow}));
    ASSERT_TRUE(insert(rows, RootRow{"partner", "AAAA", kNow}));
    ASSERT_TRUE(insert(rows, IssuingCaRow{"ca", "partner", "production", {"transport"}, "AAAA", kNow}));
    issue(rows, "01", "k1");
    issue(rows, "02", "k1", "01");
    issue(rows, "03", "k2");
    ASSERT_TRUE(revoke_certificate(rows, "01", "key_compromise", kNow));
    ASSERT_TRUE(revoke_certificate(rows, "03", "superseded", kNow));
    ASSERT_TRUE(insert(rows, NoticeRow{"02", -60, kNow + kDay, kNow}));
  }
  static void expect_all(Transaction& rows) {
    EXPECT_TRUE(was_key_revoked_for(rows, "k1", "key_compromise").value());
    EXPECT_FALSE(was_key_revoked_for(rows, "k1", "superseded").value());
    EXPECT_FALSE(was_key_revoked_for(rows, "k2", "key_compromise").value());
    EXPECT_FALSE(was_key_revoked_for(rows, "k3", "key_compromise").value());
    EXPECT_EQ(list_certificates_of_key(rows, "k1")->size(), 2U);
    EXPECT_EQ(list_successors(rows, "01")->size(), 1U);
    EXPECT_EQ(list_key_uses(rows, "k1")->size(), 1U);
    EXPECT_EQ(list_notices(rows, "02")->size(), 1U);
    EXPECT_EQ(list_ending(rows, {kNow, kNow + kDay}, std::nullopt, 10)->rows.size(), 3U);
  }

 private:
  testing::Folder folder_;
};

TEST_F(Migrations, FewerIndexesFindTheSame) {
  {
    Registry registry = open();
    auto rows = registry.begin().value();
    fill(rows);
    ASSERT_TRUE(rows.commit());
  }
  for (const char* statement : kBefore14)
    ASSERT_TRUE(raw().run(statement)) << statement;
  for (int start = 0; start < 2; ++start) {
    Registry registry = open();
    auto rows = registry.begin_reading().value();
    expect_all(rows);
  }
  EXPECT_EQ(raw().ask("SELECT name FROM migrations WHERE number = 14"), "fewer_indexes");
  EXPECT_FALSE(raw().run("DROP INDEX certificates_by_key")) << "it is gone";
  for (const char* index : {"certificates_revoked_by_key", "certificates_by_replaces"})
    EXPECT_TRUE(raw().run("DROP INDEX " + std::string(index))) << index;
}

}  // namespace
}  // namespace countersign::store
