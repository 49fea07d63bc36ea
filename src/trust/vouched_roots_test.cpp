// Roots that vouch for roots: each way in which a cross certificate says nothing, and its twin that does.
#include "trust/vouched_roots.h"

#include <gtest/gtest.h>

#include "testing/cross.h"
#include "testing/pki.h"

namespace countersign::trust {
namespace {

constexpr auto kDay = std::chrono::hours(24);
const base::Instant kNow = base::Instant::from_unix_seconds(1'790'000'000);

testing::Ca root(const std::string& name) {
  return testing::make_root({.common_name = name,
                             .organisation = "Example",
                             .not_before = kNow - kDay * 10,
                             .not_after = kNow + kDay * 1000,
                             .path_length = 2});
}

struct Cross {
  const testing::Ca& of;
  const testing::Ca& by;
  std::optional<int> path_length = 1;
  base::Instant until = kNow + kDay * 100;
  std::string name = {};  ///< empty: that of the root
};

x509::Certificate cross(const Cross& wanted) {
  return testing::make_cross({wanted.of, wanted.by, kNow, wanted.path_length, wanted.until - kNow, wanted.name});
}

TEST(VouchedRoots, NeedACrossCertificateThatHolds) {
  const testing::Ca old = root("Old");
  const testing::Ca fresh = root("New");
  const testing::Ca stranger = root("Old");  // the same name, another key
  const testing::Ca other = root("Other");
  struct Row {
    const char* name;
    std::vector<x509::Certificate> crosses;
    bool believed;
  };
  const Row rows[] = {
      {"vouched for", {cross({.of = fresh, .by = old})}, true},
      {"as one of several", {cross({.of = fresh, .by = stranger}), cross({.of = fresh, .by = old})}, true},
      {"nobody vouches", {}, false},
      {"by a stranger of that name", {cross({.of = fresh, .by = stranger})}, false},
      {"for another root", {cross({.of = other, .by = old})}, false},
      {"for another key of that name", {cross({.of = stranger, .by = old, .name = "New"})}, false},
      {"for its key under another name", {cross({.of = fresh, .by = old, .name = "Newer"})}, false},
      {"as an issuing CA", {cross({.of = fresh, .by = old, .path_length = 0})}, false},
      {"no more", {cross({.of = fresh, .by = old, .until = kNow - std::chrono::seconds(1)})}, false},
      {"until today", {cross({.of = fresh, .by = old, .until = kNow})}, true},
  };
  for (const Row& row : rows) {
    const auto believed = believed_roots({old.certificate}, {{fresh.certificate, row.crosses}}, kNow);
    EXPECT_EQ(believed.size(), row.believed ? 1U : 0U) << row.name;
  }
  EXPECT_EQ(believed_roots({fresh.certificate}, {{fresh.certificate}}, kNow).size(), 1U) << "it is installed";
}

TEST(VouchedRoots, FollowEachOtherInAnyOrder) {
  const testing::Ca first = root("G1");
  const testing::Ca second = root("G2");
  const testing::Ca third = root("G3");
  const ProposedRoot by_first{second.certificate, {cross({.of = second, .by = first})}};
  const ProposedRoot by_second{third.certificate, {cross({.of = third, .by = second})}};
  EXPECT_EQ(believed_roots({first.certificate}, {by_second, by_first}, kNow),
            (std::vector{third.certificate, second.certificate}));
  EXPECT_TRUE(believed_roots({first.certificate}, {by_second}, kNow).empty()) << "a link is missing";
}

TEST(VouchedRoots, NarrowATrustSet) {
  const testing::Pki pki;
  const testing::Ca old = root("Old");
  const testing::Ca fresh = root("New");
  const auto issuing = [&](const char* name, const testing::Ca& by) {
    const testing::Ca made = testing::make_issuing({.common_name = name,
                                                    .organisation = "Example",
                                                    .not_before = kNow - kDay,
                                                    .not_after = kNow + kDay * 90,
                                                    .path_length = 0},
                                                   by);
    return IssuingCa{made.certificate, base::Environment::uat, {Purpose::transport}};
  };
  const std::vector<IssuingCa> cas = {issuing("Old issuing", old), issuing("New issuing", fresh)};
  const auto narrowed = [&](std::vector<x509::Certificate> crosses) {
    return TrustSet::of_proposed({{old.certificate}, {fresh.certificate, std::move(crosses)}}, cas, 1, {})
        ->narrowed_to({old.certificate}, kNow);
  };
  EXPECT_EQ(narrowed({})->issuing_cas().size(), 1U);
  EXPECT_EQ(narrowed({cross({.of = fresh, .by = old})})->issuing_cas().size(), 2U);
  const WithdrawnCa gone{old.certificate, WithdrawalCause::retired};
  const auto after = TrustSet::of_proposed({{old.certificate}, {fresh.certificate}}, cas, 2, {gone});
  ASSERT_TRUE(after);
  EXPECT_EQ(after->anchors().anchors(), std::vector{fresh.certificate}) << "a retired root is no anchor";
  EXPECT_FALSE(TrustSet::of_proposed({{old.certificate}}, cas, 3, {gone})) << "and where it was the only one, no trust";
}

}  // namespace
}  // namespace countersign::trust
