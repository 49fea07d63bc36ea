// The JSON reader.
#include "base/json.h"

#include <gtest/gtest.h>

#include "testing/code_of.h"

namespace countersign::base {
namespace {

using testing::code_of;

TEST(Json, SyntaxIsThatOfRfc8259) {
  std::string deep(32, '[');
  deep += std::string(32, ']');
  const struct {
    const char* name;
    std::string text;
    const char* code;
  } rows[] = {
      {"an object", "{}", "ok"},
      {"white space around", " {} \n", "ok"},
      {"nothing", "", "json.syntax"},
      {"cut off", "{\"a\":", "json.syntax"},
      {"text behind", "{}{}", "json.syntax"},
      {"comment", "{}//", "json.syntax"},
      {"comma too many", "[1,]", "json.syntax"},
      {"not UTF-8", "\"\xff\"", "json.syntax"},
      {"NaN", "NaN", "json.syntax"},
      {"32 deep", deep, "ok"},
      {"33 deep", "[" + deep + "]", "json.syntax"},
  };
  for (const auto& row : rows)
    EXPECT_EQ(code_of(parse_json(row.text)), row.code) << row.name;
}

TEST(Json, ReaderNamesEveryMistake) {
  const auto value = parse_json(R"({"text":"a","number":7,"flag":true,"texts":["a","b"],"mixed":["a",1],"null":null})");
  ASSERT_TRUE(value);
  auto reader = JsonReader::of(*value);
  ASSERT_TRUE(reader);
  EXPECT_EQ(reader->text("text"), "a");
  EXPECT_EQ(reader->integer("number"), 7);
  EXPECT_EQ(reader->flag_or("flag", false), true);
  EXPECT_EQ(reader->texts("texts"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ((*reader->array("mixed"))->size(), 2U);
  EXPECT_EQ(code_of(reader->finish()), "json.unknown_member") << "nobody asked for 'null'";
  EXPECT_EQ(code_of(reader->text("null")), "json.type");
  EXPECT_EQ(code_of(reader->finish()), "ok");

  EXPECT_EQ(code_of(reader->text("absent")), "json.missing");
  EXPECT_EQ(code_of(reader->integer("absent")), "json.missing");
  EXPECT_EQ(code_of(reader->array("absent")), "json.missing");
  EXPECT_EQ(reader->text_or("absent", "x"), "x");
  EXPECT_EQ(reader->integer_or("absent", 5), 5);
  EXPECT_TRUE(reader->texts("absent")->empty());

  EXPECT_EQ(code_of(reader->text("number")), "json.type");
  EXPECT_EQ(code_of(reader->integer("text")), "json.type");
  EXPECT_EQ(code_of(reader->flag_or("number", false)), "json.type");
  EXPECT_EQ(code_of(reader->texts("text")), "json.type");
  EXPECT_EQ(code_of(reader->texts("mixed")), "json.type");
  EXPECT_EQ(code_of(reader->array("text")), "json.type");
  EXPECT_EQ(code_of(JsonReader::of(*parse_json("[]"))), "json.type");
}

}  // namespace
}  // namespace countersign::base
