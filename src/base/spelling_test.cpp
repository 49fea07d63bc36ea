// What counts as mistyped, and what is another word.
#include "base/spelling.h"

#include <string>

#include <gtest/gtest.h>

namespace countersign::base {
namespace {

TEST(Spelling, OneSlipIsMistypedTwoOnlyInLongWords) {
  const struct {
    const char* written;
    const char* meant;
    bool nearly;
  } rows[] = {
      {"methds", "methods", true},
      {"methodss", "methods", true},
      {"mothods", "methods", true},
      {"mehtods", "methods", true},
      {"mehtds", "methods", false},
      {"upstrem", "upstream", true},
      {"upstrm", "upstream", true},
      {"upst", "upstream", false},
      {"trust-chain", "trust_chain", true},
      {"Listen", "listen", true},
      {"listen", "listen", false},
      {"kye", "key", true},
      {"at", "to", false},
      {"", "key", false},
      {"url", "key", false},
  };
  for (const auto& row : rows)
    EXPECT_EQ(is_nearly(row.written, row.meant), row.nearly) << row.written << " " << row.meant;
  EXPECT_FALSE(is_nearly(std::string(100'000, 'a'), "methods"));
}

}  // namespace
}  // namespace countersign::base
