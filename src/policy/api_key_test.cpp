#include "policy/api_key.h"

#include <gtest/gtest.h>

#include "testing/seeded_random.h"

namespace countersign::policy {
namespace {

http::Fields fields(std::vector<http::Field> all) {
  http::Fields made;
  for (http::Field& one : all)
    made.add(std::move(one.name), std::move(one.value));
  return made;
}

class ApiKeys : public ::testing::Test {
 protected:
  static NewApiKey make(std::uint64_t seed) {
    testing::SeededRandom random(seed);
    return *make_api_key(random);
  }
  static std::string text(const NewApiKey& key) { return std::string(key.key.reveal_text()); }

  NewApiKey first_ = make(1);
  NewApiKey second_ = make(2);
  NewApiKey foreign_ = make(3);
  std::vector<crypto::Digest256> good_{*parse_digest(first_.digest), *parse_digest(second_.digest)};
};

TEST_F(ApiKeys, AreLongAndTheirDigestSaysNothingOfThem) {
  EXPECT_EQ(text(first_).size(), std::string("countersign-key-").size() + 43);
  EXPECT_EQ(first_.digest.size(), 64U);
  EXPECT_NE(text(first_), text(second_));
  EXPECT_FALSE(parse_digest(text(first_))) << "a key in the place of a digest is refused";
}

TEST_F(ApiKeys, BothDigestsOfARotationAreGood) {
  EXPECT_EQ(check_api_key(fields({{"X-Api-Key", text(first_)}}), "X-Api-Key", good_), KeyCheck::good);
  EXPECT_EQ(check_api_key(fields({{"x-api-key", text(second_)}}), "X-Api-Key", good_), KeyCheck::good);
}

TEST_F(ApiKeys, WhatIsNotTheKeyIsRefusedOrMissing) {
  const auto check = [&](std::vector<http::Field> all) {
    return check_api_key(fields(std::move(all)), "X-Api-Key", good_);
  };
  EXPECT_EQ(check({}), KeyCheck::missing);
  EXPECT_EQ(check({{"Authorization", text(first_)}}), KeyCheck::missing);
  EXPECT_EQ(check({{"X-Api-Key", text(foreign_)}}), KeyCheck::refused);
  EXPECT_EQ(check({{"X-Api-Key", ""}}), KeyCheck::refused);
  EXPECT_EQ(check({{"X-Api-Key", first_.digest}}), KeyCheck::refused) << "the digest is no key";
  EXPECT_EQ(check({{"X-Api-Key", text(first_) + "x"}}), KeyCheck::refused);
  EXPECT_EQ(check({{"X-Api-Key", std::string(100'000, 'x')}}), KeyCheck::refused);
  EXPECT_EQ(check({{"X-Api-Key", text(first_)}, {"X-Api-Key", text(first_)}}), KeyCheck::refused) << "sent twice";
  EXPECT_EQ(check({{"X-Api-Key", text(first_)}, {"X_API_KEY", text(foreign_)}}), KeyCheck::refused)
      << "which of the two an upstream would read is not known";
}

TEST_F(ApiKeys, WithoutDigestsNoKeyIsGood) {
  EXPECT_EQ(check_api_key(fields({{"X-Api-Key", text(first_)}}), "X-Api-Key", {}), KeyCheck::refused);
}

TEST(Spelling, IsOneWhereSomebodyCouldFoldThem) {
  EXPECT_TRUE(is_spelling_of("x_API-key", "X-Api-Key"));
  EXPECT_TRUE(is_spelling_of("X.Api.Key", "X-Api-Key"));
  EXPECT_FALSE(is_spelling_of("X-Api-Key2", "X-Api-Key"));
  EXPECT_FALSE(is_spelling_of("X-Api-Ke", "X-Api-Key"));
}

}  // namespace
}  // namespace countersign::policy
