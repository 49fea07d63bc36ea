// Searches: page by page, each by an index; reading together; many rows at once.
#include <algorithm>
#include <map>
#include <set>

#include <gtest/gtest.h>
#include <sqlite3.h>

#include "store/audit.h"
#include "store/certificate_search.h"
#include "store/codes.h"
#include "store/ehi_servers.h"
#include "store/feed.h"
#include "store/issuances.h"
#include "store/issuers.h"
#include "store/merkle.h"
#include "store/notices.h"
#include "store/organisations.h"
#include "store/refusals.h"
#include "store/requests.h"
#include "store/statuses.h"
#include "testing/code_of.h"
#include "testing/folder.h"
#include "testing/registries.h"
#include "testing/times.h"

namespace countersign::store {
namespace {

using testing::kDay;
using testing::kNow;
constexpr int kCertificates = 300;

/// What SQLite says of every statement that ran on any connection of this process since start().
class Watch {
 public:
  struct Seen {
    int steps = 0;  ///< rows that were gone through without an index having narrowed them
    int sorts = 0;
  };
  static void start() {
    static const int installed = sqlite3_auto_extension(reinterpret_cast<void (*)()>(install));
    ASSERT_EQ(installed, SQLITE_OK);
    seen().clear();
  }
  static std::map<std::string, Seen>& seen() {
    static std::map<std::string, Seen> seen;
    return seen;
  }

 private:
  static int install(sqlite3* database, char**, const sqlite3_api_routines*) {
    return sqlite3_trace_v2(database, SQLITE_TRACE_PROFILE, note, nullptr);
  }
  static int note(unsigned, void*, void* statement, void*) {
    auto* native = static_cast<sqlite3_stmt*>(statement);
    Seen& one = seen()[sqlite3_sql(native)];
    one.steps = std::max(one.steps, sqlite3_stmt_status(native, SQLITE_STMTSTATUS_FULLSCAN_STEP, 1));
    one.sorts = std::max(one.sorts, sqlite3_stmt_status(native, SQLITE_STMTSTATUS_SORT, 1));
    return 0;
  }
};

/// A registry of two organisations with two applications each, and certificates of all kinds, two at each moment.
class Search : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!testing::on_postgresql()) Watch::start();
    registry_.emplace(Registry::open(testing::registry_at(folder_ / "registry.db")).value());
    auto rows = registry_->begin().value();
    for (const char* organisation : {"acme", "globex"}) {
      ASSERT_TRUE(insert(rows, OrganisationRow{organisation, "X", false, kNow}));
      for (const char* environment : {"uat", "production"})
        for (const char* application : {"pay", "ship"})
          ASSERT_TRUE(insert(rows, ApplicationRow{{environment, organisation, application}, "X", {}, false, kNow}));
    }
    ASSERT_TRUE(insert(rows, RootRow{"partner", "AAAA", kNow}));
    ASSERT_TRUE(insert(rows, IssuingCaRow{"ca", "partner", "production", {"transport"}, "AAAA", kNow}));
    std::vector<IssuanceRow> intents;
    for (int i = 0; i < kCertificates; ++i) {
      certificates_.push_back(certificate(i));
      const CertificateRow& row = certificates_.back();
      intents.push_back({row.serial, row.key, row.purpose, "{}", row.spki_sha256, "t", "ca", "x", "issued",
                         row.issued_at, row.issued_at, i % 2 == 0 ? std::optional<std::string>("me") : std::nullopt});
    }
    ASSERT_TRUE(insert(rows, intents));
    ASSERT_TRUE(insert(rows, certificates_));
    ASSERT_TRUE(rows.commit());
    if (!testing::on_postgresql()) Watch::seen().clear();
  }
  /// A hundred of each; of the servers half are removed.
  void add_servers_and_refusals() {
    auto rows = registry_->begin().value();
    for (int i = 0; i < 100; ++i) {
      EhiServerRow server;
      server.id = "s" + std::to_string(i);
      server.organisation = i % 3 == 0 ? "acme" : "globex";
      server.environment = "uat";
      server.address = "h" + std::to_string(i) + ":443";
      server.created_at = kNow + kDay * i;
      server.check_state = i % 5 == 0 ? "running" : "ended";
      server.check_begun_at = server.check_ended_at = kNow;
      if (i % 2 == 0) server.removed_at = kNow + kDay * i;
      ASSERT_TRUE(insert(rows, server));
      const ApplicationKey key{"uat", i % 3 == 0 ? "acme" : "globex", "pay"};
      const RefusalRow refusal{key, "f" + std::to_string(i), "revoked", "00", 1, kNow, kNow + kDay * i, "g"};
      ASSERT_TRUE(add_refusals(rows, {refusal}));
    }
    ASSERT_TRUE(rows.commit());
    Watch::seen().clear();
  }
  void ask_for_servers_and_refusals() {
    auto rows = registry_->begin().value();
    const EhiCheckTimes times{.given_up = kNow - kDay, .not_yet = kNow + kDay};
    ASSERT_TRUE(find_ehi_server(rows, "s1"));
    for (const char* organisation : {"", "acme"})
      for (const auto& after : {std::optional<EhiServerPlace>(), {EhiServerPlace{kNow + kDay * 50, "s50"}}})
        ASSERT_TRUE(list_ehi_servers(rows, {.organisation = organisation, .after = after, .limit = 7}));
    ASSERT_TRUE(count_ehi_servers_added(rows, "acme", kNow + kDay * 99));
    ASSERT_TRUE(has_another_organisation(rows, *find_ehi_server(rows, "s1").value()));
    ASSERT_TRUE(find_ehi_check_to_run(rows, times));
    ASSERT_TRUE(count_ehi_checks(rows, "acme"));
    ASSERT_TRUE(count_ehi_checks(rows, ""));
    ASSERT_TRUE(find_ehi_address_use(rows, {"h1:443", times, kNow}));
    ASSERT_TRUE(find_ehi_report(rows, "s1"));
    ASSERT_TRUE(forget_ehi_servers(rows, kNow + kDay));
    for (const ApplicationFilter& of : {ApplicationFilter(), ApplicationFilter{"", "acme", ""}})
      ASSERT_TRUE(list_refusals(rows, of, 7));
    ASSERT_TRUE(keep_newest_refusals(rows, {{"uat", "acme", "pay"}}, 1000));
    ASSERT_TRUE(forget_refusals(rows, kNow + kDay, 500));
  }
  static CertificateRow certificate(int i) {
    CertificateRow row;
    row.serial = std::string(1, static_cast<char>('a' + i % 26)) + std::to_string(i);
    row.fingerprint = "f" + std::to_string(i);
    row.spki_sha256 = "k" + std::to_string(i / 3);
    row.der = "AAAA";
    row.key = {i % 4 < 2 ? "uat" : "production", i % 8 < 6 ? "acme" : "globex", i % 3 == 0 ? "pay" : "ship"};
    row.purpose = i % 5 == 0 ? "signing" : "transport";
    row.issuer = "ca";
    row.issued_at = row.not_before = kNow - kDay * (kCertificates / 2) + kDay * (i / 2);
    row.not_after = row.issued_at + kDay * 100;
    if (i % 7 == 0) row.revoked_at = kNow, row.revoked_for = "superseded";
    row.crl_shard = i % 64;
    return row;
  }
  bool fits(const CertificateRow& row, const CertificateFilter& filter) const {
    const auto same = [](const std::string& wanted, const std::string& found) {
      return wanted.empty() || wanted == found;
    };
    const bool expired = row.not_after < filter.now;
    const bool status = filter.status == CertificateStatus::any ||
                        (filter.status == CertificateStatus::revoked && row.revoked_at) ||
                        (filter.status == CertificateStatus::valid && !row.revoked_at && !expired) ||
                        (filter.status == CertificateStatus::expired && !row.revoked_at && expired);
    return status && same(filter.of.environment, row.key.environment) &&
           same(filter.of.organisation, row.key.organisation) && same(filter.of.application, row.key.application) &&
           same(filter.purpose, row.purpose) && same(filter.spki_sha256, row.spki_sha256);
  }
  /// All serials, in order of the list, by pages.
  std::vector<std::string> walk(const CertificateFilter& filter) {
    std::vector<std::string> serials;
    std::optional<CertificatePlace> after;
    do {
      auto rows = registry_->begin_reading().value();
      const auto page = search_certificates(rows, filter, after);
      EXPECT_TRUE(page) << base::to_string(page.error());
      for (const CertificateRow& row : page->rows)
        serials.push_back(row.serial);
      after = page->end;
    } while (after);
    return serials;
  }
  std::vector<std::string> expected(const CertificateFilter& filter) const {
    std::vector<CertificateRow> fitting;
    for (const CertificateRow& row : certificates_)
      if (fits(row, filter)) fitting.push_back(row);
    std::ranges::sort(fitting, [](const CertificateRow& a, const CertificateRow& b) {
      return a.issued_at != b.issued_at ? a.issued_at > b.issued_at : a.serial < b.serial;
    });
    std::vector<std::string> serials;
    for (const CertificateRow& row : fitting)
      serials.push_back(row.serial);
    return serials;
  }
  static std::vector<std::pair<std::string, CertificateFilter>> filters() {
    std::vector<std::pair<std::string, CertificateFilter>> all;
    for (const char* environment : {"", "uat"})
      for (const auto& [organisation, application] : {std::pair("", ""), {"acme", ""}, {"globex", "pay"}})
        for (const char* purpose : {"", "signing"})
          for (const auto status : {CertificateStatus::any, CertificateStatus::valid, CertificateStatus::revoked,
                                    CertificateStatus::expired}) {
            CertificateFilter filter;
            filter.of = {environment, organisation, application};
            filter.purpose = purpose;
            filter.status = status;
            filter.now = kNow;
            filter.limit = 7;
            all.emplace_back(std::string(environment) + "/" + organisation + "/" + application + " " + purpose + " " +
                                 std::to_string(static_cast<int>(status)),
                             filter);
          }
    return all;
  }
  Registry& registry() { return *registry_; }
  std::vector<CertificateRow> certificates_;

  testing::Folder folder_;

 private:
  std::optional<Registry> registry_;
};

TEST_F(Search, FindsEachOnceInOrderPageByPage) {
  for (const auto& [name, filter] : filters())
    EXPECT_EQ(walk(filter), expected(filter)) << name;
}

TEST_F(Search, GoesOnWhereThePageEndedWhateverCameMeanwhile) {
  CertificateFilter filter;
  filter.now = kNow;
  filter.limit = 10;
  auto rows = registry().begin().value();
  const auto first = search_certificates(rows, filter, std::nullopt).value();
  CertificateRow newer = certificate(kCertificates + 2);
  ASSERT_TRUE(
      insert(rows, IssuanceRow{newer.serial, newer.key, "transport", "{}", "k", "t", "ca", "x", "issued", kNow, {}}));
  ASSERT_TRUE(insert(rows, newer));
  const auto second = search_certificates(rows, filter, first.end).value();
  const auto wanted = expected(filter);
  ASSERT_EQ(second.rows.size(), 10U);
  EXPECT_EQ(second.rows.front().serial, wanted[10]);
}

/// Behaviour of the plans, not of the clock: with a million rows each step is a row more.
TEST_F(Search, NeverGoesThroughATable) {
  if (testing::on_postgresql()) GTEST_SKIP() << "SQLite tells what its statements did";
  add_servers_and_refusals();
  ask_for_servers_and_refusals();
  for (const auto& [name, filter] : filters())
    walk(filter);
  auto rows = registry().begin_reading().value();
  const ApplicationFilter acme{"", "acme", ""};
  ASSERT_TRUE(list_selected(rows, {.of = acme, .spki_sha256 = ""}, kNow, 50));
  ASSERT_TRUE(list_selected(rows, {.of = {}, .spki_sha256 = "k1"}, kNow, 50));
  ASSERT_TRUE(
      list_selected(rows, {.of = {}, .spki_sha256 = "", .issued_from = kNow - kDay, .issued_until = kNow}, kNow, 50));
  for (const char* state : {"", "pending", "issued"})
    for (const ApplicationFilter& of : {ApplicationFilter(), acme})
      ASSERT_TRUE(list_requests(rows, {.of = of, .state = state, .now = kNow, .limit = 5}));
  for (const char* state : {"", "pending"})
    ASSERT_TRUE(list_letters(rows, {.state = state}));
  ASSERT_TRUE(list_applications(rows, acme));
  ASSERT_TRUE(was_key_revoked_for(rows, "k1", "key_compromise"));
  ASSERT_TRUE(list_key_uses(rows, "k1"));
  ASSERT_TRUE(list_successors(rows, "a0"));
  ASSERT_TRUE(list_audit(rows, 0, 10));
  ASSERT_TRUE(list_feed_changes(rows, 0, 10));
  ASSERT_TRUE(list_open_issuances(rows));
  ASSERT_TRUE(list_unsharded(rows, 10));
  ASSERT_TRUE(find_status(rows, "f1"));
  const EndingBetween day{kNow - kDay, kNow};
  ASSERT_TRUE(list_ending(rows, day, std::nullopt, 5));
  ASSERT_TRUE(list_ending(rows, day, EndingPlace{kNow - kDay, "a0"}, 5));
  ASSERT_TRUE(list_notices(rows, std::vector<std::string>{"a0", "a1", "a2"}));
  ASSERT_TRUE(find_refused(rows, {"f1", "f2", "f3"}));
  ASSERT_TRUE(find_ending(rows, "a0"));
  CertificateFilter of_key;
  of_key.spki_sha256 = "k1";
  of_key.now = kNow;
  ASSERT_EQ(search_certificates(rows, of_key, std::nullopt)->rows.size(), 3U);
  ASSERT_EQ(list_certificates_of_key(rows, "k1")->size(), 3U);
  ASSERT_FALSE(Watch::seen().empty());
  for (const auto& [statement, seen] : Watch::seen()) {
    // A list of everything goes along an index that is in its order, no further than its limit.
    EXPECT_LE(seen.steps, 10) << statement;
    const bool is_page = statement.find("LIMIT 7") != std::string::npos;
    if (is_page) {
      EXPECT_EQ(seen.sorts, 0) << statement;
    }
  }
}

/// Thousands of applications are not gone through for the report of one.
TEST_F(Search, NotesRefusalsBesideManyOthers) {
  if (testing::on_postgresql()) GTEST_SKIP() << "SQLite tells what its statements did";
  const ApplicationKey pay{"uat", "acme", "pay"};
  const auto some_of = [](const ApplicationKey& key, int many) {
    std::vector<RefusalRow> rows;
    for (int i = 0; i < many; ++i)
      rows.push_back({key, "f" + std::to_string(i), "revoked", "01", 1, kNow, kNow, "gateway"});
    return rows;
  };
  auto rows = registry().begin_noting().value();
  ASSERT_TRUE(add_refusals(rows, some_of({"production", "globex", "ship"}, 50)));
  Watch::seen().clear();
  ASSERT_TRUE(add_refusals(rows, some_of(pay, 6)));
  ASSERT_TRUE(keep_newest_refusals(rows, {pay}, 4));
  ASSERT_EQ(list_refusals(rows, {"uat", "acme", "pay"}, 10)->size(), 4U);
  ASSERT_EQ(*forget_refusals(rows, kNow, 5), 0);
  ASSERT_FALSE(Watch::seen().empty());
  for (const auto& [statement, seen] : Watch::seen())
    EXPECT_LE(seen.steps, 10) << statement;
}

TEST_F(Search, WouldSeeAStatementThatDoes) {
  if (testing::on_postgresql()) GTEST_SKIP() << "SQLite tells what its statements did";
  auto rows = registry().begin_reading().value();
  ASSERT_TRUE(list_applications(rows, {"", "", "pay"}));  // of an application alone there is no index, nor a need
  int most = 0;
  for (const auto& [statement, seen] : Watch::seen())
    most = std::max(most, seen.steps);
  EXPECT_GE(most, 7);
}

TEST_F(Search, ReadsTogetherOneMomentUntilAnAmendment) {
  const auto count = [this] {
    auto rows = registry().begin_reading().value();
    return list_organisations(rows)->size();
  };
  testing::RawRegistry other(folder_ / "registry.db");
  const auto add = [&](const char* id) {
    return other.run("INSERT INTO organisations (id, name, suspended, created_at) VALUES ('" + std::string(id) +
                     "', 'X', 0, 0)");
  };
  {
    const Registry::ReadingTogether together(registry());
    EXPECT_EQ(count(), 2U);
    ASSERT_TRUE(add("new"));
    EXPECT_EQ(count(), 2U) << "the snapshot of before";
    {
      auto rows = registry().begin().value();
      EXPECT_EQ(list_organisations(rows)->size(), 3U) << "an amendment sees all";
      ASSERT_TRUE(insert(rows, OrganisationRow{"own", "X", false, kNow}));
      ASSERT_TRUE(rows.commit());
    }
    EXPECT_EQ(count(), 4U) << "what comes after it is another snapshot";
    auto rows = registry().begin_reading().value();
    EXPECT_EQ(testing::code_of(insert(rows, OrganisationRow{"bad", "X", false, kNow})).substr(0, 6), "store.");
  }
  ASSERT_TRUE(add("newer"));
  EXPECT_EQ(count(), 5U);
}

TEST_F(Search, KeepsWhatItPreparedAcrossAFailure) {
  for (int i = 0; i < 2; ++i) {
    auto rows = registry().begin().value();
    EXPECT_EQ(find_organisation(rows, "acme")->value().id, "acme");
    EXPECT_EQ(testing::code_of(insert(rows, OrganisationRow{"acme", "X", false, kNow})), "store.conflict");
    EXPECT_FALSE(rows.commit());
  }
  auto rows = registry().begin_reading().value();
  EXPECT_EQ(find_organisation(rows, "globex")->value().id, "globex");
  EXPECT_FALSE(find_organisation(rows, "nobody")->has_value());
}

TEST_F(Search, WritesManyRowsAsTheyAre) {
  auto rows = registry().begin_reading().value();
  for (const int i : {0, 1, 127, 128, 129, 299}) {
    const CertificateRow wanted = certificate(i);
    const auto found = find_certificate(rows, wanted.serial).value();
    ASSERT_TRUE(found) << i;
    EXPECT_EQ(found->key, wanted.key);
    EXPECT_EQ(found->not_after, wanted.not_after);
    EXPECT_EQ(found->revoked_at, wanted.revoked_at);
    EXPECT_EQ(found->crl_shard, wanted.crl_shard);
    EXPECT_EQ(found->replaces, std::nullopt);
    EXPECT_EQ(find_issuance(rows, wanted.serial).value()->instance.has_value(), i % 2 == 0);
  }
}

TEST_F(Search, WritesAllRowsOrNone) {
  auto rows = registry().begin().value();
  std::vector<MerkleNodeRow> nodes;
  for (int i = 0; i < 200; ++i)
    nodes.push_back({0, i == 150 ? 3 : i, "aa"});
  EXPECT_EQ(testing::code_of(insert(rows, nodes)), "store.conflict");
  EXPECT_FALSE(rows.commit());
}

}  // namespace
}  // namespace countersign::store
