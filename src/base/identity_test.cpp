// Slugs, URNs, environments.
#include "base/identity.h"

#include <gtest/gtest.h>

#include "testing/code_of.h"

namespace countersign::base {
namespace {

using testing::code_of;

TEST(Identity, SlugHasOneSpelling) {
  const struct {
    const char* name;
    std::string text;
    const char* code;
  } rows[] = {
      {"a word", "acme", "ok"},
      {"one letter", "a", "ok"},
      {"digits", "0-9", "ok"},
      {"63 characters", std::string(63, 'a'), "ok"},
      {"64 characters", std::string(64, 'a'), "slug.invalid"},
      {"empty", "", "slug.invalid"},
      {"capital", "Acme", "slug.invalid"},
      {"dash in front", "-acme", "slug.invalid"},
      {"dash behind", "acme-", "slug.invalid"},
      {"dash alone", "-", "slug.invalid"},
      {"underscore", "ac_me", "slug.invalid"},
      {"dot", "acme.com", "slug.invalid"},
      {"colon", "ac:me", "slug.invalid"},
      {"slash", "ac/me", "slug.invalid"},
      {"space", "ac me", "slug.invalid"},
      {"line break", "acme\n", "slug.invalid"},
      {"zero byte", std::string("ac\0me", 5), "slug.invalid"},
      {"letter outside ASCII", "acm\xc3\xa9", "slug.invalid"},
  };
  for (const auto& row : rows)
    EXPECT_EQ(code_of(Slug::parse(row.text)), row.code) << row.name;
}

TEST(Identity, UrnRoundTrip) {
  for (const std::string urn : {"urn:countersign:uat:acme:payments", "urn:countersign:production:a:b",
                                "urn:countersign:internal:service:gateway"}) {
    const auto identity = Identity::from_urn(urn);
    ASSERT_TRUE(identity) << urn;
    EXPECT_EQ(identity->to_urn(), urn);
  }
  const auto identity = Identity::from_urn("urn:countersign:uat:acme:payments");
  EXPECT_EQ(identity->environment, Environment::uat);
  EXPECT_EQ(identity->organisation.text(), "acme");
  EXPECT_EQ(identity->application.text(), "payments");
}

TEST(Identity, UrnRefusesEveryOtherSpelling) {
  const struct {
    const char* name;
    std::string_view text;
  } rows[] = {
      {"empty", ""},
      {"other case of the scheme", "URN:countersign:uat:acme:payments"},
      {"other namespace", "urn:other:uat:acme:payments"},
      {"unknown environment", "urn:countersign:test:acme:payments"},
      {"other case of the environment", "urn:countersign:UAT:acme:payments"},
      {"one part less", "urn:countersign:uat:acme"},
      {"one part more", "urn:countersign:uat:acme:payments:extra"},
      {"empty part", "urn:countersign:uat::payments"},
      {"percent-encoding", "urn:countersign:uat:%61cme:payments"},
      {"fragment", "urn:countersign:uat:acme:payments#f"},
      {"space behind", "urn:countersign:uat:acme:payments "},
      {"capital", "urn:countersign:uat:Acme:payments"},
  };
  for (const auto& row : rows)
    EXPECT_EQ(code_of(Identity::from_urn(row.text)), "urn.invalid") << row.name;
}

TEST(Identity, EnvironmentsAndReservedOrganisations) {
  for (const Environment environment : {Environment::uat, Environment::production, Environment::internal})
    EXPECT_EQ(parse_environment(name(environment)), environment);
  EXPECT_EQ(code_of(parse_environment("prod")), "environment.unknown");
  for (const char* reserved : {"provider", "service", "operator"})
    EXPECT_TRUE(is_reserved_organisation(*Slug::parse(reserved))) << reserved;
  EXPECT_FALSE(is_reserved_organisation(*Slug::parse("providers")));
}

}  // namespace
}  // namespace countersign::base
