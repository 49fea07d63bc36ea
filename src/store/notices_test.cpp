// The tables of notices, letters and contacts, and the question what ends, on a real registry.
#include "store/notices.h"

#include <set>

#include <gtest/gtest.h>

#include "store/ca_announcements.h"
#include "store/certificates.h"
#include "store/contacts.h"
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

class NoticeTables : public ::testing::Test {
 protected:
  void SetUp() override {
    auto registry = Registry::open(testing::registry_at(folder_ / "registry.db"));
    ASSERT_TRUE(registry);
    registry_.emplace(std::move(*registry));
    begin();
    ASSERT_TRUE(insert(tx(), OrganisationRow{"acme", "Acme", false, kNow}));
    ASSERT_TRUE(insert(tx(), ApplicationRow{kPayments, "Payments", {}, false, kNow}));
    ASSERT_TRUE(insert(tx(), RootRow{"partner", "AAAA", kNow}));
    ASSERT_TRUE(insert(tx(), IssuingCaRow{"ca", "partner", "production", {"transport"}, "AAAA", kNow}));
  }
  /// Commits, and begins anew.
  void keep() {
    ASSERT_TRUE(tx().commit());
    begin();
  }
  void begin() {
    transaction_.reset();
    transaction_.emplace(registry_->begin().value());
  }
  Transaction& tx() { return *transaction_; }

  void issue(const std::string& serial, int days, std::optional<std::string> replaces = std::nullopt) {
    const IssuanceRow issuance{serial, kPayments,  "transport", "{}", "spki", "tbs",
                               "ca",   "somebody", "recorded",  kNow, {}};
    ASSERT_TRUE(insert(tx(), issuance));
    CertificateRow row{serial, "f" + serial,       "spki", "AAAA", kPayments, "transport", "ca", kNow,
                       kNow,   kNow + kDay * days, {},     {}};
    row.replaces = std::move(replaces);
    ASSERT_TRUE(insert(tx(), row));
  }
  static LetterRow announcement(const std::string& id, const std::string& ca) {
    LetterRow letter;
    letter.id = id;
    letter.channel = "webhook";
    letter.recipient = "there";
    letter.ca = ca;
    letter.created_at = letter.next_attempt_at = kNow;
    return letter;
  }
  EndingRow ending(const std::string& serial) { return find_ending(tx(), serial).value().value(); }

 private:
  testing::Folder folder_;
  std::optional<Registry> registry_;
  std::optional<Transaction> transaction_;
};

TEST_F(NoticeTables, TellWhatEndsBetween) {
  issue("01", 10);
  issue("02", 20);
  issue("03", 30);
  const auto found = list_ending(tx(), {kNow + kDay * 10, kNow + kDay * 30}, std::nullopt, 3).value();
  ASSERT_EQ(found.rows.size(), 2U) << "the beginning is left out, the end is not";
  EXPECT_FALSE(found.end);
  EXPECT_EQ(found.rows.front().serial, "02");
  EXPECT_EQ(found.rows.front().key, kPayments);
  EXPECT_EQ(found.rows.front().not_after, kNow + kDay * 20);
  EXPECT_FALSE(find_ending(tx(), "04")->has_value());
}

/// Each once, in order of their end, whatever the size of a page, also where many end at once.
TEST_F(NoticeTables, TellWhatEndsPageByPage) {
  for (int i = 0; i < 12; ++i)
    issue("1" + std::string(1, static_cast<char>('a' + i)), 10 + i / 5);
  const EndingBetween all{kNow, kNow + kDay * 30};
  for (const int limit : {1, 2, 3, 5, 12, 13}) {
    std::vector<std::string> seen;
    base::Instant last = kNow;
    std::optional<EndingPlace> place;
    do {
      const auto page = list_ending(tx(), all, place, limit).value();
      EXPECT_LE(page.rows.size(), static_cast<std::size_t>(limit));
      for (const EndingRow& row : page.rows) {
        seen.push_back(row.serial);
        EXPECT_GE(row.not_after, last) << limit;
        last = row.not_after;
      }
      place = page.end;
    } while (place);
    EXPECT_EQ(seen.size(), 12U) << limit;
    EXPECT_EQ(std::set<std::string>(seen.begin(), seen.end()).size(), 12U) << limit;
  }
}

TEST_F(NoticeTables, TellWhetherAnybodyWouldMissIt) {
  issue("01", 10);
  EXPECT_FALSE(ending("01").revoked || ending("01").suspended || ending("01").successor_seen ||
               ending("01").newer_there);
  issue("02", 20);
  EXPECT_TRUE(ending("01").newer_there);
  EXPECT_FALSE(ending("02").newer_there);
  ASSERT_TRUE(see_certificate(tx(), "f02", kNow));
  EXPECT_FALSE(ending("01").successor_seen) << "another certificate, but not one that renewed it";
  issue("03", 30, "01");
  EXPECT_FALSE(ending("01").successor_seen) << "not used yet";
  ASSERT_TRUE(see_certificate(tx(), "f03", kNow));
  EXPECT_TRUE(ending("01").successor_seen);
  ASSERT_TRUE(revoke_certificate(tx(), "03", "superseded", kNow));
  ASSERT_TRUE(revoke_certificate(tx(), "02", "superseded", kNow));
  EXPECT_FALSE(ending("01").successor_seen || ending("01").newer_there);
  EXPECT_TRUE(ending("03").revoked);
  ASSERT_TRUE(suspend_organisation(tx(), "acme"));
  EXPECT_TRUE(ending("01").suspended);
  ASSERT_TRUE(resume_organisation(tx(), "acme"));
  ASSERT_TRUE(suspend_application(tx(), kPayments));
  EXPECT_TRUE(ending("01").suspended);
}

/// At the end of a CA thousands end in one instant: a page reads what was noted of its own certificates, not of them
/// all.
TEST_F(NoticeTables, OfOneInstantAreReadForAPageOnly) {
  std::vector<IssuanceRow> intents;
  std::vector<CertificateRow> rows;
  std::vector<NoticeRow> noted;
  for (int i = 0; i < 2000; ++i) {
    const std::string serial = "a" + std::to_string(10'000 + i);
    intents.push_back({serial, kPayments, "transport", "{}", "spki", "tbs", "ca", "somebody", "issued", kNow, kNow});
    rows.push_back(
        {serial, "f" + serial, "spki", "AAAA", kPayments, "transport", "ca", kNow, kNow, kNow + kDay, {}, {}});
    noted.push_back({serial, -60, kNow + kDay, kNow});
  }
  ASSERT_TRUE(insert(tx(), intents));
  ASSERT_TRUE(insert(tx(), rows));
  ASSERT_TRUE(insert(tx(), noted));
  std::set<std::string> seen;
  std::size_t read = 0;
  std::optional<EndingPlace> place;
  do {
    const auto page = list_ending(tx(), {kNow, kNow + kDay * 2}, place, 250).value();
    std::vector<std::string> serials;
    for (const EndingRow& row : page.rows)
      serials.push_back(row.serial);
    read += list_notices(tx(), serials)->size();
    seen.insert(serials.begin(), serials.end());
    place = page.end;
  } while (place);
  EXPECT_EQ(seen.size(), 2000U) << "it gets on within the instant";
  EXPECT_EQ(read, 2000U) << "each row once, not once a page";
}

TEST_F(NoticeTables, KeepANoticeOnceForEachThreshold) {
  ASSERT_TRUE(insert(tx(), NoticeRow{"01", -60, kNow, kNow}));
  ASSERT_TRUE(insert(tx(), NoticeRow{"01", 0, kNow, kNow}));
  ASSERT_TRUE(insert(tx(), NoticeRow{"02", -60, kNow, kNow}));
  EXPECT_EQ(list_notices(tx(), "01")->size(), 2U);
  EXPECT_EQ(list_notices(tx(), std::vector<std::string>{"01", "02", "03"})->size(), 3U);
  EXPECT_TRUE(list_notices(tx(), std::vector<std::string>())->empty());
  keep();
  EXPECT_EQ(code_of(insert(tx(), std::vector{NoticeRow{"03", -60, kNow, kNow}, NoticeRow{"01", -60, kNow, kNow}})),
            "store.conflict");
  begin();
  EXPECT_TRUE(list_notices(tx(), "03")->empty()) << "all or none";
  EXPECT_EQ(code_of(insert(tx(), NoticeRow{"01", -60, kNow, kNow})), "store.conflict");
}

TEST_F(NoticeTables, GiveOutLettersWhenTheyAreDue) {
  const LetterRow letter{.id = "aa",
                         .channel = "mail",
                         .recipient = "ops@acme.example",
                         .subject = "s",
                         .body = "b",
                         .created_at = kNow,
                         .next_attempt_at = kNow};
  ASSERT_TRUE(insert(tx(), letter));
  const LetterDue now{kNow, kNow + kDay};
  EXPECT_FALSE(find_due_letter(tx(), "webhook", now)->has_value());
  EXPECT_FALSE(find_due_letter(tx(), "mail", {kNow - std::chrono::seconds(1), kNow + kDay})->has_value());
  auto found = find_due_letter(tx(), "mail", now).value().value();
  EXPECT_EQ(found.body, "b");
  found.next_attempt_at = kNow + kDay;
  found.attempts = 1;
  const LetterRow stale = found;
  EXPECT_TRUE(*update_letter(tx(), found, 0));
  EXPECT_FALSE(*update_letter(tx(), stale, 0)) << "read by two, begun by one";
  EXPECT_FALSE(find_due_letter(tx(), "mail", now)->has_value());
  found.next_attempt_at = kNow + kDay * 2;
  EXPECT_TRUE(*update_letter(tx(), found, 1));
  EXPECT_TRUE(find_due_letter(tx(), "mail", now)->has_value()) << "nobody sets that but a wrong clock";
  found.state = "sent";
  found.decided_at = kNow;
  EXPECT_TRUE(*update_letter(tx(), found, 1));
  found.state = "pending";
  EXPECT_FALSE(*update_letter(tx(), found, 1)) << "what was decided stays";
  EXPECT_EQ(find_letter(tx(), "aa").value()->state, "sent");
  EXPECT_EQ(list_letters(tx(), {.state = "sent"})->size(), 1U);
  EXPECT_TRUE(list_letters(tx(), {.state = "pending"})->empty());
}

TEST_F(NoticeTables, KeepContactsAndDropTheirLetters) {
  ASSERT_TRUE(insert(tx(), ContactRow{.id = "c1",
                                      .organisation = "acme",
                                      .kind = "email",
                                      .address = "a@b",
                                      .created_by = "x",
                                      .created_at = kNow}));
  ASSERT_TRUE(insert(tx(), ContactRow{.id = "c2",
                                      .organisation = "acme",
                                      .environment = "uat",
                                      .application = "payments",
                                      .kind = "email",
                                      .address = "c@d",
                                      .created_by = "x",
                                      .created_at = kNow}));
  EXPECT_EQ(list_contacts(tx(), "acme")->size(), 2U);
  EXPECT_EQ(list_contacts(tx(), std::set<std::string>{"acme", "rival"})->size(), 2U);
  EXPECT_TRUE(list_contacts(tx(), std::set<std::string>{"rival"})->empty());
  EXPECT_TRUE(list_contacts(tx(), std::set<std::string>{})->empty());
  ASSERT_TRUE(insert(tx(), LetterRow{.id = "aa",
                                     .channel = "mail",
                                     .contact = "c1",
                                     .recipient = "a@b",
                                     .subject = "s",
                                     .body = "b",
                                     .created_at = kNow,
                                     .next_attempt_at = kNow}));
  ASSERT_TRUE(remove_contact(tx(), "c1", kNow));
  ASSERT_TRUE(drop_letters(tx(), "c1", kNow));
  EXPECT_EQ(find_letter(tx(), "aa").value()->state, "dropped");
  EXPECT_EQ(list_contacts(tx(), "acme")->size(), 1U);
  EXPECT_TRUE(find_contact(tx(), "c1").value()->removed_at.has_value());
  keep();
  EXPECT_EQ(code_of(insert(tx(), ContactRow{.id = "c3",
                                            .organisation = "gone",
                                            .kind = "email",
                                            .address = "a@b",
                                            .created_by = "x",
                                            .created_at = kNow})),
            "store.conflict");
}

TEST_F(NoticeTables, OfACaThatIsAnnouncedAreDropped) {
  ASSERT_TRUE(insert(tx(), std::vector{announcement("1", "ca"), announcement("2", "ca-2"), announcement("3", "ca")}));
  LetterRow sent = announcement("3", "ca");
  sent.state = "sent";
  ASSERT_TRUE(*update_letter(tx(), sent, 0));
  ASSERT_TRUE(drop_announcing_letters(tx(), "ca", kNow));
  EXPECT_EQ(find_letter(tx(), "1").value()->state, "dropped");
  EXPECT_EQ(find_letter(tx(), "1").value()->ca, "ca");
  EXPECT_EQ(find_letter(tx(), "2").value()->state, "pending") << "of another";
  EXPECT_EQ(find_letter(tx(), "3").value()->state, "sent") << "it is gone";
}

TEST_F(NoticeTables, GiveOutTheOldestOfThoseThatWaitAlike) {
  for (const auto& [id, hours] : {std::pair{"bb", 1}, std::pair{"aa", 2}, std::pair{"cc", 0}}) {
    LetterRow letter = announcement(id, "ca");
    letter.created_at = kNow + std::chrono::hours(hours);
    letter.next_attempt_at = kNow + kDay;
    ASSERT_TRUE(insert(tx(), letter));
  }
  for (const char* id : {"cc", "bb", "aa"}) {
    auto found = find_due_letter(tx(), announcement("", "").channel, {kNow + kDay, kNow + kDay * 2}).value();
    ASSERT_TRUE(found);
    EXPECT_EQ(found->id, id);
    found->state = "sent";
    ASSERT_TRUE(*update_letter(tx(), *found, 0));
  }
}

TEST_F(NoticeTables, OfTroubleAreDroppedWithIt) {
  for (const char* id : {"1", "2", "3"}) {
    LetterRow letter = announcement(id, "ca");
    letter.ca = std::nullopt;
    if (*id != '3') letter.trouble_of = std::string("server-") + id;
    ASSERT_TRUE(insert(tx(), letter));
  }
  ASSERT_TRUE(drop_trouble_letters(tx(), "server-1", kNow));
  EXPECT_EQ(find_letter(tx(), "1").value()->state, "dropped");
  EXPECT_EQ(find_letter(tx(), "2").value()->state, "pending") << "of another server";
  EXPECT_EQ(find_letter(tx(), "3").value()->state, "pending") << "of none";
}

/// Told once, where the environment is the contact's, and by what there is to send with; all anew once it is forgotten.
TEST_F(NoticeTables, WhomACaIsToBeAnnouncedTo) {
  ASSERT_TRUE(insert(tx(), OrganisationRow{"globex", "Globex", false, kNow}));
  const auto contact = [](const char* id, const char* organisation, const char* kind) {
    ContactRow row;
    row.id = id;
    row.organisation = organisation;
    row.kind = kind;
    row.address = "there";
    row.created_by = "somebody";
    row.created_at = kNow;
    return row;
  };
  ContactRow uat = contact("c1", "globex", "webhook");
  uat.environment = "uat";
  uat.application = "payments";
  for (const ContactRow& row : {uat, contact("c2", "globex", "email"), contact("c3", "acme", "webhook")})
    ASSERT_TRUE(insert(tx(), row));
  const auto untold = [&](const char* environment, ContactKinds kinds, int limit = 10) {
    std::string ids;
    const auto found = list_untold_contacts(tx(), {"ca", environment, kinds, limit});
    EXPECT_TRUE(found) << base::to_string(found.error());
    for (const ContactRow& row : *found)
      ids += row.id + " ";
    return ids;
  };
  EXPECT_EQ(untold("production", ContactKinds::all), "c3 c2 ");
  EXPECT_EQ(untold("uat", ContactKinds::all), "c3 c1 c2 ");
  EXPECT_EQ(untold("uat", ContactKinds::webhooks), "c3 c1 ");
  EXPECT_EQ(untold("uat", ContactKinds::all, 2), "c3 c1 ");
  ASSERT_TRUE(insert(tx(), std::vector{CaAnnouncementRow{"ca", "c3", kNow}}));
  EXPECT_EQ(untold("production", ContactKinds::all), "c2 ");
  ASSERT_TRUE(remove_contact(tx(), "c2", kNow));
  EXPECT_EQ(untold("production", ContactKinds::all), "");
  ASSERT_TRUE(forget_announcements(tx(), "another"));
  EXPECT_EQ(untold("production", ContactKinds::all), "");
  ASSERT_TRUE(forget_announcements(tx(), "ca"));
  EXPECT_EQ(untold("production", ContactKinds::all), "c3 ");
  ASSERT_TRUE(insert(tx(), std::vector{CaAnnouncementRow{"ca", "c3", kNow}}));
  EXPECT_EQ(code_of(insert(tx(), std::vector{CaAnnouncementRow{"ca", "c3", kNow}})), "store.conflict");
}

}  // namespace
}  // namespace countersign::store
