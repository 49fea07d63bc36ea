// Which notices are due: by what ends, what was said, and the time. And the settings that say when and how.
#include "authority/notices/plan.h"

#include <gtest/gtest.h>

#include "authority/notices/text.h"
#include "base/files.h"
#include "testing/code_of.h"
#include "testing/folder.h"
#include "testing/times.h"

namespace countersign::authority {
namespace {

using testing::code_of;
using testing::kDay;
constexpr base::Duration kSecond = std::chrono::seconds(1);
constexpr Threshold kDaySeconds = 24 * 60 * 60;
constexpr base::Instant kEnd = base::Instant::from_unix_seconds(1'790'000'000);

store::EndingRow row_of(const char* purpose = "transport") {
  return {.serial = "0a",
          .key = {"production", "acme", "payments"},
          .purpose = purpose,
          .issued_at = kEnd - kDay * 350,
          .not_after = kEnd};
}

/// The threshold in days that is due; 999: none.
std::int64_t due(const store::EndingRow& row, base::Instant now, const std::set<Threshold>& noted = {}) {
  const auto notices = plan_notices({to_ending(row)}, {{row.serial, noted}}, NoticeSettings::default_thresholds(), now);
  EXPECT_LE(notices.size(), 1U);
  return notices.empty() ? 999 : notices.front().threshold / kDaySeconds;
}

TEST(Planning, KnowsEveryThreshold) {
  for (const int days : {-60, -30, -14, -7, -1, 0, 1, 7, 14, 30, 60}) {
    const base::Instant at = kEnd + kDay * days;
    EXPECT_EQ(due(row_of(), at), days);
    EXPECT_NE(due(row_of(), at - kSecond), days) << "a second early, " << days;
    EXPECT_EQ(due(row_of(), at, {days * kDaySeconds}), 999) << "said already, " << days;
  }
}

TEST(Planning, SaysOnlyTheNewest) {
  struct Row {
    const char* name;
    base::Duration from_end;
    std::set<Threshold> noted;
    std::int64_t due;
  };
  for (const Row& row : {
           Row{"long before", kDay * -61, {}, 999},
           Row{"one has passed", kDay * -59, {}, -60},
           Row{"down while three passed", kDay * -10, {}, -14},
           Row{"down while three passed, restarted", kDay * -10, {-14 * kDaySeconds}, 999},
           Row{"down while two more passed", kDay * -5, {-60 * kDaySeconds}, -7},
           Row{"down until after the end", kDay * 3, {-60 * kDaySeconds, -30 * kDaySeconds}, 1},
           Row{"the clock went back below one that was said", kDay * -20, {-30 * kDaySeconds, -14 * kDaySeconds}, 999},
           Row{"the clock had been ahead and is right again", kDay * -20, {0}, -30},
           Row{"long after", kDay * 300, {60 * kDaySeconds}, 999},
       })
    EXPECT_EQ(due(row_of(), kEnd + row.from_end, row.noted), row.due) << row.name;
}

TEST(Planning, LeavesAloneWhatNobodyMisses) {
  struct Row {
    const char* name;
    const char* purpose;
    void (*change)(store::EndingRow&);
    bool due;
  };
  for (const Row& row : {
           Row{"alone", "transport", [](store::EndingRow&) {}, true},
           Row{"revoked", "transport", [](store::EndingRow& one) { one.revoked = true; }, false},
           Row{"suspended", "transport", [](store::EndingRow& one) { one.suspended = true; }, false},
           Row{"renewed, not used", "transport", [](store::EndingRow& one) { one.newer_there = true; }, true},
           Row{"renewed and used", "transport", [](store::EndingRow& one) { one.successor_seen = true; }, false},
           Row{"service, not used", "service", [](store::EndingRow& one) { one.newer_there = true; }, true},
           Row{"service, used", "service", [](store::EndingRow& one) { one.successor_seen = true; }, false},
           Row{"signing, alone", "signing", [](store::EndingRow&) {}, true},
           Row{"signing, a newer one is there", "signing", [](store::EndingRow& one) { one.newer_there = true; },
               false},
           Row{"server, a newer one is there", "server", [](store::EndingRow& one) { one.newer_there = true; }, false},
           Row{"ehi, a newer one is there", "ehi", [](store::EndingRow& one) { one.newer_there = true; }, false},
       }) {
    auto ending = row_of(row.purpose);
    row.change(ending);
    EXPECT_EQ(due(ending, kEnd - kDay * 30) == -30, row.due) << row.name;
  }
}

TEST(Planning, CountsNoThresholdFromBeforeTheBeginning) {
  struct Row {
    base::Duration life;
    base::Duration from_end;
    std::int64_t due;
  };
  for (const Row& row :
       {Row{std::chrono::hours(2), std::chrono::hours(-1), 999}, Row{std::chrono::hours(2), base::Duration(0), 0},
        Row{kDay, kDay * -1, 999}, Row{kDay + kSecond, kDay * -1, -1}, Row{kDay * 60, kDay * -59, 999},
        Row{kDay * 60, kDay * -30, -30}}) {
    auto ending = row_of();
    ending.issued_at = kEnd - row.life;
    EXPECT_EQ(due(ending, kEnd + row.from_end), row.due) << row.life.count();
  }
}

TEST(Texts, SayHowLongThereIs) {
  struct Row {
    base::Duration until;
    const char* words;
  };
  const base::Duration hour = std::chrono::hours(1);
  for (const Row& row :
       {Row{kDay * 30, "in 30 days"}, Row{kDay * 30 - kSecond * 10, "in 30 days"}, Row{kDay, "in 1 day"},
        Row{hour * 5, "in 5 hours"}, Row{kSecond * 90, "in 1 minute"}, Row{kSecond, "in less than a minute"},
        Row{base::Duration(0), "a moment ago"}, Row{kDay * -2, "2 days ago"}, Row{hour * -3, "3 hours ago"}})
    EXPECT_EQ(to_words(row.until), row.words);
}

TEST(Texts, SayWhatToDo) {
  const Notice notice{to_ending(row_of()), -30 * kDaySeconds};
  const LetterText before = to_mail(notice, kEnd - kDay * 30);
  EXPECT_EQ(before.subject, "The transport certificate of production/acme/payments ends in 30 days");
  for (const char* part :
       {"urn:countersign:production:acme:payments", "0a", "2026-09-21T14:13:20Z", "countersign renew transport"})
    EXPECT_NE(before.body.find(part), std::string::npos) << part;
  const LetterText after = to_mail({notice.about, 0}, kEnd);
  EXPECT_EQ(after.subject, "The transport certificate of production/acme/payments ended a moment ago");
  EXPECT_NE(after.body.find("countersign request transport"), std::string::npos);

  const std::vector<Notice> two{notice, notice};
  EXPECT_EQ(to_digest(two, kEnd - kDay * 30).subject, "2 certificates need a look");
  EXPECT_EQ(to_webhook(notice, "ff", kEnd - kDay * 30),
            R"({"id":"ff","type":"certificate.ending","created":"2026-08-22T14:13:20Z","threshold_seconds":-2592000,)"
            R"("certificate":{"serial":"0a","urn":"urn:countersign:production:acme:payments","purpose":"transport",)"
            R"("not_after":"2026-09-21T14:13:20Z"}})");
}

base::Result<NoticeSettings> read(const std::string& text) {
  auto document = base::ConfigSection::parse(text, "test.toml");
  EXPECT_TRUE(document);
  BASE_TRY(auto authority, document->section("authority"));
  BASE_TRY(auto settings, NoticeSettings::read(authority, "/srv/cs"));
  BASE_TRY_VOID(document->finish());
  return settings;
}

TEST(NoticeSettings, NameEveryMistake) {
  struct Row {
    const char* name;
    std::string text;
    const char* code;
  };
  const std::string mail = "smtp = 'smtp://mail.example:587'\nfrom = 'ca@provider.example'\n";
  for (const Row& row : {
           Row{"nothing", "", "ok"},
           Row{"mail", mail, "ok"},
           Row{"no sender", "smtp = 'smtp://mail.example:587'", "config.missing"},
           Row{"sender with a header", "smtp = 'smtp://mail.example:587'\nfrom = \"a@b\\r\\nBcc: c@d\"",
               "config.value"},
           Row{"another scheme", "smtp = 'http://mail.example:587'\nfrom = 'a@b'", "config.value"},
           Row{"a path", "smtp = 'smtp://mail.example:587/x'\nfrom = 'a@b'", "config.value"},
           Row{"a user in the URL", "smtp = 'smtp://u:p@mail.example:587'\nfrom = 'a@b'", "config.value"},
           Row{"no port", "smtp = 'smtp://mail.example'\nfrom = 'a@b'", "config.value"},
           Row{"user alone", mail + "user = 'ca'", "config.value"},
           Row{"user and password", mail + "user = 'ca'\npassword_file = 'p'", "ok"},
           Row{"user with a line", mail + "user = \"c\\na\"\npassword_file = 'p'", "config.value"},
           Row{"operators", mail + "operators = ['ops@provider.example']", "ok"},
           Row{"operators that are none", mail + "operators = ['ops']", "config.value"},
           Row{"operators without a server", "operators = ['ops@provider.example']", "config.value"},
           Row{"plain and verified", mail + "ca_file = 'x'\ndanger_plain_smtp = true", "config.value"},
           Row{"plain", mail + "danger_plain_smtp = true", "ok"},
           Row{"other thresholds", "before = ['90d', '59m']\nafter = []", "ok"},
           Row{"no threshold", "before = []\nafter = []", "ok"},
           Row{"farthest", "before = ['365d']", "ok"},
           Row{"too far", "before = ['366d']", "config.value"},
           Row{"nothing before", "before = ['0s']", "config.value"},
           Row{"the end itself", "after = ['0s']", "ok"},
           Row{"no duration", "before = ['soon']", "config.duration"},
           Row{"unknown", "days = [1]", "config.unknown_key"},
       })
    EXPECT_EQ(code_of(read("[authority.notices]\n" + row.text)), row.code) << row.name;
}

TEST(NoticeSettings, EncryptUnlessToldNotTo) {
  struct Row {
    const char* name;
    std::string text;
    courier::MailSecurity security;
  };
  using courier::MailSecurity;
  for (const Row& row : {
           Row{"elsewhere", "smtp = 'smtp://mail.example:587'", MailSecurity::starttls},
           Row{"elsewhere, danger", "smtp = 'smtp://mail.example:587'\ndanger_plain_smtp = true", MailSecurity::none},
           Row{"from the first byte", "smtp = 'smtps://mail.example:465'", MailSecurity::tls},
           Row{"here", "smtp = 'smtp://127.0.0.1:25'", MailSecurity::none},
           Row{"here, by name", "smtp = 'smtp://localhost:25'", MailSecurity::none},
           Row{"here, with a CA", "smtp = 'smtp://localhost:25'\nca_file = 'ca.pem'", MailSecurity::starttls},
           Row{"a name that looks like here", "smtp = 'smtp://127.0.0.1.example:25'", MailSecurity::starttls},
       }) {
    const auto settings = read("[authority.notices]\nfrom = 'ca@provider.example'\n" + row.text);
    ASSERT_TRUE(settings) << row.name << base::to_string(settings.error());
    EXPECT_EQ(settings->mail->security, row.security) << row.name;
  }
}

TEST(NoticeSettings, KeepThresholdsInOrder) {
  EXPECT_EQ(read("")->thresholds, NoticeSettings::default_thresholds());
  EXPECT_EQ(NoticeSettings::default_thresholds().size(), 11U);
  const auto some = read("[authority.notices]\nbefore = ['1d', '30d', '1d']\nafter = ['0s']");
  EXPECT_EQ(some->thresholds, (std::vector<Threshold>{-30 * kDaySeconds, -kDaySeconds, 0}));
}

TEST(NoticeSettings, TakeTheFirstLineAsPassword) {
  const testing::Folder folder;
  MailSettings mail{{"mail.example", 587},
                    courier::MailSecurity::starttls,
                    *courier::MailAddress::parse("a@b"),
                    "ca",
                    folder / "password",
                    {}};
  ASSERT_TRUE(base::write_file(mail.password_file, "s3cret\r\n", base::FileMode::owner_only));
  EXPECT_EQ(NoticeSettings::open(mail)->password.reveal_text(), "s3cret");
  ASSERT_TRUE(base::write_file(mail.password_file, "\n", base::FileMode::owner_only));
  EXPECT_EQ(code_of(NoticeSettings::open(mail)), "config.value");
  mail.password_file = folder / "gone";
  EXPECT_EQ(code_of(NoticeSettings::open(mail)), "file.not_found");
}

}  // namespace
}  // namespace countersign::authority
