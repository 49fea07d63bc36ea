#include "signatures/structured_field.h"

#include <gtest/gtest.h>

#include "testing/code_of.h"

namespace countersign::signatures::sf {
namespace {

using testing::code_of;

struct Row {
  std::string name;
  std::string text;
  std::string canonical;  ///< or the code of the refusal
};

TEST(StructuredField, Dictionaries) {
  const Row rows[] = {
      {"empty", "", ""},
      {"of all kinds", "a=1, b=-2.50, c=\"x\\\"y\\\\\", d=tok/en:*, e=:AQID:, f, g=?0, h=@1659578233, i=%\"f%c3%bc\"",
       "a=1, b=-2.5, c=\"x\\\"y\\\\\", d=tok/en:*, e=:AQID:, f, g=?0, h=@1659578233, i=%\"f%c3%bc\""},
      {"inner list", "a=(  1   \"two\";x  three  );p=?1;q=2", "a=(1 \"two\";x three);p;q=2"},
      {"true with parameters", "a;b=1,c=?1", "a;b=1, c"},
      {"the last of a key counts, where it first stood", "a=1, b=2, a=3", "a=3, b=2"},
      {"of a parameter, too", "a;x=1;y=2;x=3", "a;x=3;y=2"},
      {"white space around commas", "  a=1\t ,\t b=2  ", "a=1, b=2"},
      {"decimal of one digit", "a=1.0", "a=1.0"},
      {"fifteen digits", "a=-999999999999999", "a=-999999999999999"},
      {"sixteen digits", "a=1234567890123456", "sf.malformed"},
      {"twelve digits before a point", "a=123456789012.345", "a=123456789012.345"},
      {"thirteen digits before a point", "a=1234567890123.4", "sf.malformed"},
      {"four digits behind a point", "a=1.2345", "sf.malformed"},
      {"nothing behind a point", "a=1.", "sf.malformed"},
      {"comma at the end", "a=1,", "sf.malformed"},
      {"tab before the first", "\ta=1", "sf.malformed"},
      {"no comma", "a=1 b=2", "sf.malformed"},
      {"capital in a key", "A=1", "sf.malformed"},
      {"digit first in a key", "1a=1", "sf.malformed"},
      {"space around =", "a = 1", "sf.malformed"},
      {"string without end", "a=\"x", "sf.malformed"},
      {"string that ends in its escape", "a=\"x\\", "sf.malformed"},
      {"other escape", "a=\"\\n\"", "sf.malformed"},
      {"line end in a string", "a=\"x\ny\"", "sf.malformed"},
      {"byte above ASCII in a string", "a=\"\xc3\xbc\"", "sf.malformed"},
      {"bytes without padding", "a=:AQI:", "sf.malformed"},
      {"bytes with padding", "a=:AQI=:", "a=:AQI=:"},
      {"bytes with stray bits", "a=:AQJ=:", "sf.malformed"},
      {"bytes without end", "a=:AQID", "sf.malformed"},
      {"boolean of another digit", "a=?2", "sf.malformed"},
      {"date with a fraction", "a=@1.5", "sf.malformed"},
      {"inner list without end", "a=(1 2", "sf.malformed"},
      {"inner list without spaces", "a=(1\"two\")", "sf.malformed"},
      {"tab in an inner list", "a=(1\t2)", "sf.malformed"},
      {"inner list in an inner list", "a=((1))", "sf.malformed"},
      {"display string in capitals", "a=%\"%C3%BC\"", "sf.malformed"},
      {"display string with a surrogate", "a=%\"%ed%a0%80\"", "sf.malformed"},
      {"display string overlong", "a=%\"%c0%af\"", "sf.malformed"},
      {"NUL", std::string("a=1\0", 4), "sf.malformed"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    const auto dictionary = parse_dictionary(row.text);
    EXPECT_EQ(dictionary ? serialise(*dictionary) : code_of(dictionary), row.canonical);
    if (!dictionary) continue;
    EXPECT_EQ(parse_dictionary(serialise(*dictionary)).value(), *dictionary);
  }
}

TEST(StructuredField, ListsAndItems) {
  EXPECT_EQ(serialise(parse_list("a,  (b c);x ,1").value()), "a, (b c);x, 1");
  EXPECT_EQ(code_of(parse_list("a,,b")), "sf.malformed");
  EXPECT_EQ(serialise(parse_item("  5;foo=bar  ").value()), "5;foo=bar");
  EXPECT_EQ(code_of(parse_item("5, 6")), "sf.malformed");
  EXPECT_EQ(code_of(parse_item("")), "sf.malformed");
}

std::string repeated(std::string_view part, std::size_t times) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i)
    text += (i == 0 ? "" : ", ") + ("k" + std::to_string(i)) + std::string(part);
  return text;
}

TEST(StructuredField, IsBounded) {
  EXPECT_TRUE(parse_dictionary(repeated("", kMembers)));
  EXPECT_EQ(code_of(parse_dictionary(repeated("", kMembers + 1))), "sf.too_large");
  EXPECT_EQ(code_of(parse_dictionary("a=\"" + std::string(kFieldLimit, 'x') + "\"")), "sf.too_large");
  std::string parameters = "a";
  for (std::size_t i = 0; i < kParameters; ++i)
    parameters += ";p" + std::to_string(i);
  EXPECT_TRUE(parse_item(parameters));
  EXPECT_EQ(code_of(parse_item(parameters + ";q")), "sf.too_large");
  std::string items;
  for (std::size_t i = 0; i < kInnerItems; ++i)
    items += "1 ";
  EXPECT_TRUE(parse_list("(" + items + ")"));
  EXPECT_EQ(code_of(parse_list("(" + items + "1)")), "sf.too_large");
}

}  // namespace
}  // namespace countersign::signatures::sf
