#include "http/strict_transport.h"

#include <gtest/gtest.h>

#include "testing/code_of.h"

namespace countersign::http {
namespace {

TEST(StrictTransport, IsWhatTheStandardSaysOrRefused) {
  struct Row {
    const char* name;
    const char* text;
    const char* code;
  };
  constexpr const char* kInvalid = "strict_transport.invalid";
  for (const Row& row : {Row{"an age", "max-age=31536000", "ok"},
                         Row{"an end", "max-age=0", "ok"},
                         Row{"quoted", "max-age=\"31536000\"", "ok"},
                         Row{"all names below", "max-age=31536000; includeSubDomains", "ok"},
                         Row{"in another order and case", "INCLUDESUBDOMAINS;Max-Age = 1", "ok"},
                         Row{"for the lists", "max-age=63072000; includeSubDomains; preload", "ok"},
                         Row{"nothing", "", kInvalid},
                         Row{"no age", "includeSubDomains", kInvalid},
                         Row{"an age without a number", "max-age", kInvalid},
                         Row{"a number that is none", "max-age=1y", kInvalid},
                         Row{"an age of ages", "max-age=31536000000", kInvalid},
                         Row{"less than nothing", "max-age=-1", kInvalid},
                         Row{"half quoted", "max-age=\"1", kInvalid},
                         Row{"two ages", "max-age=1; max-age=1", kInvalid},
                         Row{"a value too many", "max-age=1; includeSubDomains=true", kInvalid},
                         Row{"a typing error", "max-age=1; includeSubdomain", kInvalid},
                         Row{"nothing between", "max-age=1;; includeSubDomains", kInvalid},
                         Row{"commas", "max-age=1, includeSubDomains", kInvalid},
                         Row{"another field behind it", "max-age=1\r\nX-A: b", kInvalid},
                         Row{"for the lists alone", "max-age=31536000; preload", kInvalid}}) {
    const auto parsed = parse_strict_transport(row.text);
    EXPECT_EQ(testing::code_of(parsed), row.code) << row.name;
    EXPECT_EQ(parsed.value_or(row.text), row.text);
  }
}

TEST(StrictTransport, GoesOutWithoutWhatIsAroundIt) {
  EXPECT_EQ(parse_strict_transport(" \tmax-age=1; includeSubDomains\t "), "max-age=1; includeSubDomains");
  EXPECT_EQ(testing::code_of(parse_strict_transport(" \t")), "strict_transport.invalid");
}

}  // namespace
}  // namespace countersign::http
