#include "policy/pattern.h"

#include <gtest/gtest.h>

#include "policy/caller.h"

namespace countersign::policy {
namespace {

struct PathRow {
  std::string name;
  std::string pattern;
  std::string path;
  bool matches;
};
class Paths : public ::testing::TestWithParam<PathRow> {};

TEST_P(Paths, MatchWholeSegments) {
  const auto pattern = PathPattern::parse(GetParam().pattern);
  ASSERT_TRUE(pattern) << pattern.error().detail;
  EXPECT_EQ(pattern->matches(GetParam().path), GetParam().matches);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, Paths,
    ::testing::Values(PathRow{"itself", "/v1/payments", "/v1/payments", true},
                      PathRow{"longer_word", "/v1/payments", "/v1/payments2", false},
                      PathRow{"below", "/v1/payments", "/v1/payments/7", false},
                      PathRow{"above", "/v1/payments", "/v1", false},
                      PathRow{"slash_at_the_end", "/v1/payments", "/v1/payments/", false},
                      PathRow{"slash_at_the_end_granted", "/v1/payments/", "/v1/payments/", true},
                      PathRow{"case", "/v1/payments", "/v1/Payments", false},
                      PathRow{"escape", "/v1/a:b", "/v1/a%3Ab", false},
                      PathRow{"parameter", "/v1/payments", "/v1/payments;x", false},
                      PathRow{"one_segment", "/v1/payments/*", "/v1/payments/7", true},
                      PathRow{"one_segment_not_none", "/v1/payments/*", "/v1/payments", false},
                      PathRow{"one_segment_not_empty", "/v1/payments/*", "/v1/payments/", false},
                      PathRow{"one_segment_not_two", "/v1/payments/*", "/v1/payments/7/refunds", false},
                      PathRow{"one_segment_inside", "/v1/payments/*/refunds", "/v1/payments/7/refunds", true},
                      PathRow{"other_word_behind", "/v1/payments/*/refunds", "/v1/payments/7/notes", false},
                      PathRow{"rest", "/v1/reports/**", "/v1/reports/2026/11/a.csv", true},
                      PathRow{"rest_is_none", "/v1/reports/**", "/v1/reports", true},
                      PathRow{"rest_of_another_word", "/v1/reports/**", "/v1/reports2/x", false},
                      PathRow{"everything", "/**", "/", true}, PathRow{"everything_below", "/**", "/a/b/c", true},
                      PathRow{"root", "/", "/", true}, PathRow{"root_only", "/", "/a", false}),
    [](const auto& row) { return row.param.name; });

struct BadRow {
  std::string name;
  std::string text;
  std::string twin;  ///< one change away, and good
};
class BadPaths : public ::testing::TestWithParam<BadRow> {};

TEST_P(BadPaths, AreRefused) {
  EXPECT_FALSE(PathPattern::parse(GetParam().text));
  EXPECT_TRUE(PathPattern::parse(GetParam().twin));
}

INSTANTIATE_TEST_SUITE_P(
    Rows, BadPaths,
    ::testing::Values(BadRow{"empty", "", "/"}, BadRow{"no_slash", "v1", "/v1"}, BadRow{"query", "/v1?x=1", "/v1"},
                      BadRow{"fragment", "/v1#x", "/v1"}, BadRow{"escape", "/%61", "/a"},
                      BadRow{"space", "/a b", "/ab"}, BadRow{"parameter", "/a;b", "/a,b"},
                      BadRow{"dot", "/a/./b", "/a/b"}, BadRow{"dots", "/a/..", "/a/..."},
                      BadRow{"empty_segment", "/a//b", "/a/b"}, BadRow{"star_in_a_word", "/a*", "/a/*"},
                      BadRow{"rest_inside", "/a/**/b", "/a/*/b"}, BadRow{"rest_twice", "/**/**", "/**"},
                      BadRow{"three_stars", "/a/***", "/a/**"}, BadRow{"backslash", "/a\\b", "/ab"},
                      BadRow{"not_ascii", "/\xc3\xa4", "/a"},
                      BadRow{"too_long", "/" + std::string(1024, 'a'), "/" + std::string(1023, 'a')}),
    [](const auto& row) { return row.param.name; });

TEST(PathPattern, HasAMostOfSegments) {
  std::string text;
  for (std::size_t i = 0; i < PathPattern::kMostSegments; ++i)
    text += "/a";
  EXPECT_TRUE(PathPattern::parse(text));
  EXPECT_FALSE(PathPattern::parse(text + "/a"));
}

TEST(HostPattern, MatchesANameOrWhatIsBelowIt) {
  EXPECT_TRUE(HostPattern::parse("*")->matches("any.example"));
  EXPECT_TRUE(HostPattern::parse("api.example")->matches("api.example"));
  EXPECT_FALSE(HostPattern::parse("api.example")->matches("b.api.example"));
  EXPECT_TRUE(HostPattern::parse("*.example")->matches("api.example"));
  EXPECT_FALSE(HostPattern::parse("*.example")->matches("example"));
  EXPECT_FALSE(HostPattern::parse("*.example")->matches("badexample"));
  for (const char* bad : {"", "API.example", "*x.example", "a.*", "a b", "a/", ".a", "a.", "**"})
    EXPECT_FALSE(HostPattern::parse(bad)) << bad;
}

TEST(MethodSet, HeadFollowsGetAndNothingElseFollows) {
  const auto get = MethodSet::parse({"GET"});
  EXPECT_TRUE(get->allows("GET"));
  EXPECT_TRUE(get->allows("HEAD"));
  EXPECT_FALSE(get->allows("POST"));
  EXPECT_FALSE(get->allows("get"));
  EXPECT_FALSE(MethodSet::parse({"HEAD"})->allows("GET"));
  EXPECT_FALSE(MethodSet::parse({"POST"})->allows("HEAD"));
  EXPECT_TRUE(MethodSet::parse({"*"})->allows("PROPFIND"));
  EXPECT_FALSE(MethodSet::parse({"*"})->allows("CONNECT"));  // no request: it has to be meant
  EXPECT_TRUE(MethodSet::parse({"CONNECT"})->allows("CONNECT"));
  EXPECT_FALSE(MethodSet::parse({"post"}));
  EXPECT_FALSE(MethodSet::parse({}));
  EXPECT_FALSE(MethodSet::parse({"*", "GET"}));
  EXPECT_FALSE(MethodSet::parse({"GET POST"}));
}

TEST(Caller, NamesAreWholeAndOfPartners) {
  for (const char* good : {"production/acme/shop", "uat/acme/*", "production/*/*", "anonymous"})
    EXPECT_TRUE(parse_applications(good)) << good;
  for (const char* bad :
       {"", "acme/shop", "production/acme", "production/*/shop", "internal/service/gateway", "production/a*/x",
        "production/acme/shop/x", "production/ACME/shop", "*/acme/shop", "production//shop", "Anonymous"})
    EXPECT_FALSE(parse_applications(bad)) << bad;
  EXPECT_TRUE(parse_partners("production/acme"));
  EXPECT_TRUE(parse_partners("production/*"));
  EXPECT_FALSE(parse_partners("production"));
  EXPECT_EQ(parse_caller("urn:countersign:uat:acme:shop")->application(), "uat/acme/shop");
  EXPECT_EQ(parse_caller("anonymous")->identity(), std::nullopt);
  EXPECT_FALSE(parse_caller("production/acme/*"));
  for (const char* short_one : {"acme/shop", "production/acme", "shop"}) {
    const auto refused = parse_caller(short_one);
    ASSERT_FALSE(refused) << short_one;
    EXPECT_NE(refused.error().detail.find("write ENVIRONMENT/ORGANISATION/APPLICATION"), std::string::npos)
        << short_one;
    EXPECT_EQ(refused.error().detail.find("/*'"), std::string::npos) << refused.error().detail;
  }
}

}  // namespace
}  // namespace countersign::policy
