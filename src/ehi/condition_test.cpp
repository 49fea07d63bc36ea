#include "ehi/condition.h"

#include <gtest/gtest.h>

namespace countersign::ehi {
namespace {

struct Row {
  std::string name;
  std::string condition;
  std::string body;
  bool holds;
};
class Conditions : public ::testing::TestWithParam<Row> {};

TEST_P(Conditions, Hold) {
  const auto condition = Condition::parse(GetParam().condition);
  ASSERT_TRUE(condition) << base::to_string(condition.error());
  EXPECT_EQ(all_hold({*condition}, GetParam().body), GetParam().holds);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, Conditions,
    ::testing::Values(
        Row{"text", "/code = 00", R"({"code":"00"})", true},
        Row{"text_not_its_value", "/code = 0", R"({"code":"00"})", false},
        Row{"number", "/code = 0", R"({"code":0})", true}, Row{"number_by_value", "/code = 0.0", R"({"code":0})", true},
        Row{"true", "/ok = true", R"({"ok":true})", true}, Row{"not_true", "/ok = true", R"({"ok":false})", false},
        Row{"null", "/ok = null", R"({"ok":null})", true},
        Row{"object_is_equal_to_nothing", "/ok = {}", R"({"ok":{}})", false},
        Row{"spaces_in_value", "/code = not ok", R"({"code":"not ok"})", true},
        Row{"deep", "/a/0/b = x", R"({"a":[{"b":"x"}]})", true}, Row{"escaped", "/a~1b = x", R"({"a/b":"x"})", true},
        Row{"unequal", "/code != 00", R"({"code":"01"})", true},
        Row{"not_unequal", "/code != 00", R"({"code":"00"})", false},
        Row{"unequal_of_nothing", "/code != 00", R"({})", false},
        Row{"unequal_of_an_object", "/code != 00", R"({"code":{}})", false},
        Row{"at_most", "/n <= 50.00", R"({"n":"50"})", true}, Row{"over", "/n <= 50.00", R"({"n":"50.01"})", false},
        Row{"at_most_number", "/n <= 50.00", R"({"n":50.0})", true}, Row{"less", "/n < 50", R"({"n":49.99})", true},
        Row{"not_less", "/n < 50", R"({"n":50})", false}, Row{"more", "/n > -1", R"({"n":0})", true},
        Row{"at_least", "/n >= 10", R"({"n":"10"})", true},
        Row{"exponent_is_not_plain", "/n <= 50", R"({"n":"1e1"})", false},
        Row{"plus_is_not_plain", "/n <= 50", R"({"n":"+1"})", false},
        Row{"space_is_not_plain", "/n <= 50", R"({"n":" 1"})", false},
        Row{"hex_is_not_plain", "/n <= 50", R"({"n":"0x1"})", false},
        Row{"nan_is_not_plain", "/n <= 50", R"({"n":"nan"})", false},
        Row{"too_many_digits", "/n <= 50", R"({"n":"1.000000000000000"})", false},
        Row{"too_large_to_be_exact", "/n >= 1", R"({"n":9007199254740993})", false},
        Row{"list_is_no_number", "/n <= 50", R"({"n":[1]})", false}, Row{"in", "/c in GBP|EUR", R"({"c":"EUR"})", true},
        Row{"not_in", "/c in GBP|EUR", R"({"c":"EU"})", false}, Row{"exists", "/c exists", R"({"c":null})", true},
        Row{"not_exists", "/c exists", R"({})", false}, Row{"absent", "/c absent", R"({})", true},
        Row{"not_absent", "/c absent", R"({"c":1})", false}, Row{"not_json", "/c absent", "<xml/>", false},
        Row{"nothing", "/c absent", "", false}),
    [](const auto& row) { return row.param.name; });

TEST(Conditions, NoneAtAllHoldOfAnything) { EXPECT_TRUE(all_hold({}, "<xml/>")); }

TEST(Conditions, WhatIsNoneIsRefused) {
  for (const char* text : {"", "amount = 1", "/amount", "/amount ~ 1", "/amount =", "/amount < ten", "/c exists here",
                           "/n < 1234567890123456"}) {
    const auto condition = Condition::parse(text);
    ASSERT_FALSE(condition) << text;
    EXPECT_EQ(condition.error().code, "ehi.condition");
  }
}

}  // namespace
}  // namespace countersign::ehi
