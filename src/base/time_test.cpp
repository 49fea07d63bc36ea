// RFC 3339 and instants.
#include "base/time.h"

#include <chrono>

#include <gtest/gtest.h>

#include "testing/code_of.h"

namespace countersign::base {
namespace {

using testing::code_of;

TEST(Time, Rfc3339Reads) {
  const struct {
    const char* name;
    std::string_view text;
    std::int64_t micros;
  } rows[] = {
      {"the epoch", "1970-01-01T00:00:00Z", 0},
      {"small letters", "1970-01-01t00:00:00z", 0},
      {"a day", "2026-11-23T14:45:00Z", 1795445100'000000},
      {"fraction", "1970-01-01T00:00:01.5Z", 1'500'000},
      {"fraction finer than we keep", "1970-01-01T00:00:00.0000019Z", 1},
      {"east", "1970-01-01T01:30:00+01:30", 0},
      {"west", "1969-12-31T19:00:00-05:00", 0},
      {"before the epoch", "1969-12-31T23:59:59Z", -1'000'000},
      {"leap day", "2024-02-29T00:00:00Z", 1709164800'000000},
      {"after 2038", "2050-01-01T00:00:00Z", 2524608000'000000},
      {"the last that certificates can say", "9999-12-31T23:59:59Z", 253402300799'000000},
  };
  for (const auto& row : rows) {
    const auto instant = parse_rfc3339(row.text);
    ASSERT_TRUE(instant) << row.name;
    EXPECT_EQ(instant->micros, row.micros) << row.name;
  }
}

TEST(Time, Rfc3339Refuses) {
  const struct {
    const char* name;
    std::string_view text;
  } rows[] = {
      {"empty", ""},
      {"date alone", "2026-11-23"},
      {"no zone", "2026-11-23T14:45:00"},
      {"space for T", "2026-11-23 14:45:00Z"},
      {"month 13", "2026-13-23T14:45:00Z"},
      {"month 0", "2026-00-23T14:45:00Z"},
      {"leap day in a common year", "2026-02-29T14:45:00Z"},
      {"day 0", "2026-11-00T14:45:00Z"},
      {"hour 24", "2026-11-23T24:00:00Z"},
      {"minute 60", "2026-11-23T14:60:00Z"},
      {"leap second", "2026-12-31T23:59:60Z"},
      {"empty fraction", "2026-11-23T14:45:00.Z"},
      {"offset without colon", "2026-11-23T14:45:00+0100"},
      {"offset out of range", "2026-11-23T14:45:00+24:00"},
      {"text behind", "2026-11-23T14:45:00Z "},
      {"text before", " 2026-11-23T14:45:00Z"},
      {"two-digit year", "26-11-23T14:45:00Z"},
      {"sign", "+026-11-23T14:45:00Z"},
  };
  for (const auto& row : rows)
    EXPECT_EQ(code_of(parse_rfc3339(row.text)), "time.invalid") << row.name;
}

TEST(Time, WritesWhatItReads) {
  for (const std::string text : {"1970-01-01T00:00:00Z", "2026-11-23T14:45:00Z", "2024-02-29T23:59:59Z",
                                 "1969-12-31T23:59:59Z", "1950-01-01T00:00:00Z", "9999-12-31T23:59:59Z"})
    EXPECT_EQ(to_rfc3339(*parse_rfc3339(text)), text);
  EXPECT_EQ(to_rfc3339_millis(*parse_rfc3339("2026-11-23T14:45:00.123456Z")), "2026-11-23T14:45:00.123Z");
  EXPECT_EQ(to_rfc3339_millis(Instant{-1}), "1969-12-31T23:59:59.999Z");
}

TEST(Time, InstantsCountAndCompare) {
  const Instant noon = Instant::from_unix_seconds(43'200);
  EXPECT_EQ((noon + std::chrono::hours(1)).unix_seconds(), 46'800);
  EXPECT_EQ(noon - (noon - std::chrono::minutes(5)), std::chrono::minutes(5));
  EXPECT_LT(noon, noon + Duration(1));
  EXPECT_EQ(Instant{-1}.unix_seconds(), -1);
  EXPECT_EQ(Instant{-1'000'000}.unix_seconds(), -1);
  EXPECT_GT(SystemClock().now(), *parse_rfc3339("2024-01-01T00:00:00Z"));
}

}  // namespace
}  // namespace countersign::base
