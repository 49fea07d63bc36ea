#include "feed/refusals.h"

#include <gtest/gtest.h>

#include "feed/telling.h"
#include "testing/code_of.h"
#include "testing/pki.h"
#include "testing/times.h"

namespace countersign::feed {
namespace {

using testing::kNow;
using trust::Reason;
constexpr base::Duration kSecond = std::chrono::seconds(1);

/// Of a certificate that an issuing CA of ours vouches for, by its number.
trust::Refusal refusal(std::size_t number, Reason reason = Reason::revoked) {
  crypto::Digest256 fingerprint{};
  fingerprint[0] = static_cast<std::uint8_t>(number);
  fingerprint[1] = static_cast<std::uint8_t>(number >> 8);
  trust::Refusal refusal = trust::refuse(reason, "a test");
  refusal.fingerprint = base::to_hex(fingerprint);
  refusal.organisation = "acme";
  return refusal;
}

class RefusalsTest : public ::testing::Test {
 protected:
  trust::RegistryView registry_;
  Refusals refusals_{registry_};
};

TEST_F(RefusalsTest, AreCountedByCertificateAndReason) {
  refusals_.note(refusal(1), kNow);
  refusals_.note(refusal(1, Reason::suspended), kNow);
  refusals_.note(refusal(2), kNow);
  refusals_.note(refusal(1), kNow + kSecond);
  const auto taken = refusals_.take();
  ASSERT_EQ(taken.size(), 3U);
  EXPECT_EQ(taken[0], (RefusalCount{refusal(1).fingerprint, Reason::revoked, 2, kNow, kNow + kSecond}));
  EXPECT_EQ(taken[1].reason, Reason::suspended);
  EXPECT_EQ(taken[2].fingerprint, refusal(2).fingerprint);
  EXPECT_TRUE(refusals_.take().empty());
  refusals_.note(refusal(1), kNow);
  EXPECT_EQ(refusals_.take().size(), 1U) << "again, and told again";
}

/// Nobody without a certificate from us puts anything in; who has one does, whichever way it is known.
TEST_F(RefusalsTest, AStrangersAreNotNoted) {
  testing::Pki pki;
  const testing::Issued stranger = pki.client().other_ca().issue();
  const testing::Issued ours = pki.client().issue();
  registry_.apply(ours.fact());
  refusals_.note(trust::refuse(Reason::unknown_issuer, stranger.certificate, 0, ""), kNow);
  refusals_.note(trust::refuse(Reason::no_certificate, "none"), kNow);
  trust::Refusal odd = trust::refuse(Reason::malformed, "no digest at all");
  odd.fingerprint = "00zz";
  refusals_.note(odd, kNow);
  EXPECT_TRUE(refusals_.take().empty());
  refusals_.note(trust::refuse(Reason::wrong_environment, ours.certificate, 0, ""), kNow);
  ASSERT_EQ(refusals_.take().size(), 1U) << "the registry lists it";
  refusals_.note(refusal(1), kNow);
  ASSERT_EQ(refusals_.take().size(), 1U) << "an issuing CA of ours vouches";
}

TEST_F(RefusalsTest, TheOldestIsDroppedAndCounted) {
  for (std::size_t number = 0; number < Refusals::kKept; ++number)
    refusals_.note(refusal(number), kNow);
  refusals_.note(refusal(0), kNow);
  EXPECT_EQ(refusals_.dropped(), 0U);
  refusals_.note(refusal(Refusals::kKept), kNow);
  EXPECT_EQ(refusals_.dropped(), 2U) << "both of the first certificate";
  const auto taken = refusals_.take();
  ASSERT_EQ(taken.size(), Refusals::kBatch);
  EXPECT_EQ(taken.front().fingerprint, refusal(1).fingerprint);
}

TEST_F(RefusalsTest, WhatCouldNotBeToldIsToldLater) {
  refusals_.note(refusal(1), kNow);
  refusals_.note(refusal(2), kNow);
  auto untold = refusals_.take();
  refusals_.note(refusal(2), kNow + kSecond);
  refusals_.note(refusal(3), kNow + kSecond);
  refusals_.give_back(std::move(untold));
  const auto taken = refusals_.take();
  ASSERT_EQ(taken.size(), 3U);
  EXPECT_EQ(taken[0].fingerprint, refusal(1).fingerprint) << "older than what came meanwhile";
  EXPECT_EQ(taken[1], (RefusalCount{refusal(2).fingerprint, Reason::revoked, 2, kNow, kNow + kSecond}));
  EXPECT_EQ(taken[2].fingerprint, refusal(3).fingerprint);
}

TEST_F(RefusalsTest, WhatComesBackIntoAFullHouseIsDropped) {
  refusals_.note(refusal(Refusals::kKept), kNow);
  auto untold = refusals_.take();
  for (std::size_t number = 0; number < Refusals::kKept; ++number)
    refusals_.note(refusal(number), kNow);
  refusals_.give_back(std::move(untold));
  EXPECT_EQ(refusals_.dropped(), 1U);
  EXPECT_EQ(refusals_.take().front().fingerprint, refusal(0).fingerprint);
}

TEST(RefusalReport, IsReadAsItWasWritten) {
  const std::vector<RefusalCount> counts = {{refusal(1).fingerprint, Reason::expired, 3, kNow, kNow + kSecond},
                                            {refusal(2).fingerprint, Reason::suspended, 1, kNow, kNow}};
  EXPECT_EQ(refusals_from_json(to_json(counts)).value(), counts);
  EXPECT_TRUE(refusals_from_json(to_json(std::vector<RefusalCount>())).value().empty());
}

/// Many at once, as when an issuing CA was withdrawn: they wait, and the authority issues.
TEST(RefusalReport, IsRareWhileManyWait) {
  EXPECT_EQ(pause_after_telling(0), kTelling);
  EXPECT_EQ(pause_after_telling(Refusals::kBatch - 1), kTelling);
  EXPECT_EQ(pause_after_telling(Refusals::kBatch), std::chrono::seconds(10));
}

TEST(RefusalReport, IsHeldAgainstItsForm) {
  const std::string good = R"({"fingerprint":")" + refusal(1).fingerprint +
                           R"(","reason":"revoked","count":1,"first":1790000000,"last":1790000000})";
  const auto changed = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    return text.replace(text.find(from), from.size(), to);
  };
  struct Row {
    const char* name;
    std::string one;
    const char* code;
  };
  const Row rows[] = {
      {"good", good, "ok"},
      {"of a later program", changed("revoked", "too_green"), "ok"},
      {"none of them", changed(R"("count":1)", R"("count":0)"), "refusals.invalid"},
      {"too many", changed(R"("count":1)", R"("count":1000000000001)"), "refusals.invalid"},
      {"no digest", changed(refusal(1).fingerprint, "0100"), "refusals.invalid"},
      {"backwards", changed(R"("last":1790000000)", R"("last":1789999999)"), "refusals.invalid"},
      {"before all time", changed(R"("first":1790000000)", R"("first":-1)"), "refusals.invalid"},
      {"after all time", changed(R"("last":1790000000)", R"("last":9223372036854775807)"), "refusals.invalid"},
      {"a member too many", changed(R"("count":1)", R"("count":1,"x":1)"), "json.unknown_member"},
      {"a member too few", changed(R"("count":1,)", ""), "json.missing"},
      {"a text", "\"x\"", "json.type"},
  };
  for (const Row& row : rows) {
    const auto body = base::parse_json(R"({"refusals":[)" + row.one + "]}").value();
    const auto read = refusals_from_json(body);
    EXPECT_EQ(read ? "ok" : read.error().code, row.code) << row.name;
  }
  std::string many = good;
  for (std::size_t i = 0; i < Refusals::kBatch; ++i)
    many += "," + good;
  const auto body = base::parse_json(R"({"refusals":[)" + many + "]}").value();
  EXPECT_EQ(testing::code_of(refusals_from_json(body)), "refusals.too_many");
}

}  // namespace
}  // namespace countersign::feed
