// Configuration: every mistake is named with its place.
#include "base/config.h"

#include <fstream>

#include <gtest/gtest.h>

#include "testing/code_of.h"
#include "testing/folder.h"

namespace countersign::base {
namespace {

using testing::code_of;
using testing::Folder;

TEST(Config, ReadsEveryType) {
  auto config = ConfigSection::parse(R"(
    name = "x"
    count = 7
    flag = true
    wait = "250ms"
    names = ["a", "b"]
    [part]
    key = "value"
    [[rows]]
    n = 1
    [[rows]]
    n = 2
  )",
                                     "test.toml");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->text("name"), "x");
  EXPECT_EQ(config->integer("count"), 7);
  EXPECT_EQ(config->flag_or("flag", false), true);
  EXPECT_EQ(config->duration_or("wait", {}), std::chrono::milliseconds(250));
  EXPECT_EQ(config->texts("names"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(config->section("part")->text("key"), "value");
  auto rows = config->sections("rows");
  ASSERT_EQ(rows->size(), 2U);
  EXPECT_EQ((*rows)[1].integer("n"), 2);
  EXPECT_EQ((*rows)[1].path_of("n"), "rows[2].n");
  EXPECT_EQ((*rows)[0].integer("n"), 1);
  EXPECT_TRUE(config->finish());
}

TEST(Config, AbsentKeysHaveTheCallersDefault) {
  auto config = ConfigSection::parse("", "test.toml");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->text_or("a", "b"), "b");
  EXPECT_EQ(config->integer_or("a", 3), 3);
  EXPECT_EQ(config->flag_or("a", true), true);
  EXPECT_EQ(config->duration_or("a", std::chrono::seconds(9)), std::chrono::seconds(9));
  EXPECT_TRUE(config->texts("a")->empty());
  EXPECT_TRUE(config->sections("a")->empty());
  EXPECT_EQ(config->section("a")->text_or("b", "c"), "c");
  EXPECT_FALSE(config->has("a"));
  EXPECT_EQ(code_of(config->text("a")), "config.missing");
  EXPECT_EQ(code_of(config->integer("a")), "config.missing");
}

TEST(Config, TypesAreNotBent) {
  const struct {
    const char* name;
    const char* text;
    const char* text_code;
    const char* integer_code;
    const char* flag_code;
    const char* texts_code;
    const char* section_code;
    const char* sections_code;
  } rows[] = {
      {"a text", "k = '1'", "ok", "config.type", "config.type", "config.type", "config.type", "config.type"},
      {"a number", "k = 1", "config.type", "ok", "config.type", "config.type", "config.type", "config.type"},
      {"a fraction", "k = 1.0", "config.type", "config.type", "config.type", "config.type", "config.type",
       "config.type"},
      {"a flag", "k = true", "config.type", "config.type", "ok", "config.type", "config.type", "config.type"},
      {"a list", "k = ['a']", "config.type", "config.type", "config.type", "ok", "config.type", "config.type"},
      {"a mixed list", "k = ['a', 1]", "config.type", "config.type", "config.type", "config.type", "config.type",
       "config.type"},
      {"a table", "[k]", "config.type", "config.type", "config.type", "config.type", "ok", "config.type"},
      {"tables", "[[k]]", "config.type", "config.type", "config.type", "config.type", "config.type", "ok"},
      {"an empty list", "k = []", "config.type", "config.type", "config.type", "ok", "config.type", "ok"},
  };
  for (const auto& row : rows) {
    auto config = ConfigSection::parse(row.text, "test.toml");
    ASSERT_TRUE(config) << row.name;
    EXPECT_EQ(code_of(config->text("k")), row.text_code) << row.name;
    EXPECT_EQ(code_of(config->integer("k")), row.integer_code) << row.name;
    EXPECT_EQ(code_of(config->flag_or("k", false)), row.flag_code) << row.name;
    EXPECT_EQ(code_of(config->texts("k")), row.texts_code) << row.name;
    EXPECT_EQ(code_of(config->section("k")), row.section_code) << row.name;
    EXPECT_EQ(code_of(config->sections("k")), row.sections_code) << row.name;
  }
}

TEST(Config, AnUnknownKeyIsNamedWithItsPlace) {
  const struct {
    const char* name;
    const char* text;
    const char* named;
  } rows[] = {
      {"at the top", "known = 1\nunknown = 2", "'unknown' (line 2)"},
      {"in a table", "[part]\nkey = 1\nkye = 2", "'part.kye' (line 3)"},
      {"in the second of a list", "[[rows]]\nn = 1\n[[rows]]\nn = 1\nm = 2", "'rows[2].m' (line 5)"},
  };
  for (const auto& row : rows) {
    auto config = ConfigSection::parse(row.text, "test.toml");
    ASSERT_TRUE(config) << row.name;
    ASSERT_TRUE(config->integer_or("known", 0)) << row.name;
    auto part = config->section("part");
    ASSERT_TRUE(part->integer_or("key", 0)) << row.name;
    auto rows_of_file = config->sections("rows");
    for (ConfigSection& section : *rows_of_file)
      ASSERT_TRUE(section.integer("n")) << row.name;
    const auto finished = config->finish();
    ASSERT_FALSE(finished) << row.name;
    EXPECT_EQ(finished.error().code, "config.unknown_key") << row.name;
    EXPECT_NE(finished.error().detail.find(row.named), std::string::npos) << finished.error().detail;
  }
}

TEST(Config, AMistypedKeyIsTheReasonForWhatIsMissing) {
  const struct {
    const char* name;
    const char* text;
    const char* code;
    const char* named;
  } rows[] = {
      {"a required key", "[[rows]]\nmethds = 1\n", "config.unknown_key",
       "'rows[1].methds' (line 2) is not a known key: is 'methods' meant?"},
      {"its twin, not near", "[[rows]]\nverbs = 1\n", "config.missing",
       "'rows[1].methods' (missing in the table of line 1) must be there"},
      {"of the wrong type", "[[rows]]\nmethods = 1\nmethds = 1\n", "config.type", "'rows[1].methods'"},
      {"one that was asked for by has()", "[[rows]]\nmethods = 1\nform = 1\n", "config.unknown_key",
       "'rows[1].form' (line 3) is not a known key: is 'from' meant?"},
      {"in another table", "nubmer = 1\n[[rows]]\nmethods = 1\n", "config.unknown_key",
       "'nubmer' (line 1) is not a known key: is 'number' meant?"},
  };
  for (const auto& row : rows) {
    auto config = ConfigSection::parse(row.text, "test.toml");
    ASSERT_TRUE(config) << row.name;
    EXPECT_TRUE(config->integer_or("number", 0)) << row.name;
    auto sections = config->sections("rows");
    EXPECT_FALSE(sections->front().has("from")) << row.name;
    const auto failed = sections->front().text("methods");
    ASSERT_FALSE(failed) << row.name;
    const Error error = config->explain(failed.error());
    EXPECT_EQ(error.code, row.code) << row.name;
    EXPECT_NE(error.detail.find(row.named), std::string::npos) << row.name << ": " << error.detail;
  }
}

TEST(Config, WhatIsLeftToOthersIsNotLookedAt) {
  auto config = ConfigSection::parse("[other]\nanything = [1, 'x']\n", "test.toml");
  ASSERT_TRUE(config);
  EXPECT_EQ(code_of(config->finish()), "config.unknown_key");
  config->leave_to_others("other");
  EXPECT_EQ(code_of(config->finish()), "ok");
}

TEST(Config, FilesAndSyntax) {
  const Folder folder;
  EXPECT_EQ(code_of(ConfigSection::load(folder / "absent.toml")), "config.not_found");
  std::ofstream(folder / "bad.toml") << "a = 1\nb = = 2\n";
  const auto bad = ConfigSection::load(folder / "bad.toml");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, "config.syntax");
  EXPECT_NE(bad.error().detail.find("bad.toml:2:"), std::string::npos) << bad.error().detail;
  const auto hinted = [](const char* text) {
    return ConfigSection::parse(text, "x").error().detail.find("stands in quotes") != std::string::npos;
  };
  EXPECT_TRUE(hinted("a = 1\nlisten = 127.0.0.1:8443\n"));
  EXPECT_TRUE(hinted("access = policy\n"));
  EXPECT_FALSE(hinted("a = 1\nb = = 2\n"));
  EXPECT_FALSE(hinted("a = \"x\n"));
  EXPECT_EQ(code_of(ConfigSection::parse("a = 1\na = 2\n", "x")), "config.syntax");
  EXPECT_EQ(code_of(ConfigSection::parse("a = 'not \xff UTF-8'\n", "x")), "config.syntax");
}

TEST(Config, Durations) {
  const struct {
    std::string_view text;
    std::int64_t micros;  ///< -1: refused
  } rows[] = {
      {"0s", 0},
      {"250ms", 250'000},
      {"10s", 10'000'000},
      {"5m", 300'000'000},
      {"12h", 43'200'000'000},
      {"350d", 30'240'000'000'000},
      {"", -1},
      {"s", -1},
      {"10", -1},
      {"-1s", -1},
      {"+1s", -1},
      {"1.5s", -1},
      {"10 s", -1},
      {" 10s", -1},
      {"10s ", -1},
      {"10S", -1},
      {"1w", -1},
      {"106751991d", 9'223'372'022'400'000'000},
      {"106751992d", -1},
      {"99999999999999999999s", -1},
  };
  for (const auto& row : rows) {
    const auto duration = parse_duration(row.text);
    if (row.micros < 0) EXPECT_EQ(code_of(duration), "config.duration") << row.text;
    else EXPECT_EQ(duration, Duration(row.micros)) << row.text;
  }
  auto config = ConfigSection::parse("wait = 10\nother = '10'\n", "test.toml");
  EXPECT_EQ(code_of(config->duration_or("wait", {})), "config.type");
  EXPECT_EQ(code_of(config->duration_or("other", {})), "config.duration");
}

}  // namespace
}  // namespace countersign::base
