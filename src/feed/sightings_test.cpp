#include "feed/sightings.h"

#include <gtest/gtest.h>

namespace countersign::feed {
namespace {

crypto::Digest256 digest(std::uint8_t number, std::uint8_t high = 0) {
  crypto::Digest256 made{};
  made[0] = number;
  made[1] = high;
  return made;
}

TEST(Sightings, EachIsToldOnce) {
  Sightings sightings;
  sightings.note(digest(1));
  sightings.note(digest(2));
  sightings.note(digest(1));
  EXPECT_EQ(sightings.take(), (std::vector{base::to_hex(digest(1)), base::to_hex(digest(2))}));
  sightings.note(digest(2));
  EXPECT_TRUE(sightings.take().empty());
  sightings.note(digest(3));
  EXPECT_EQ(sightings.take(), std::vector{base::to_hex(digest(3))});
}

TEST(Sightings, WhatCouldNotBeToldIsToldLater) {
  Sightings sightings;
  sightings.note(digest(1));
  sightings.give_back(sightings.take());
  sightings.note(digest(1));
  EXPECT_EQ(sightings.take(), std::vector{base::to_hex(digest(1))});
}

TEST(Sightings, ComeInBatches) {
  Sightings sightings;
  for (std::size_t i = 0; i <= Sightings::kBatch; ++i)
    sightings.note(digest(static_cast<std::uint8_t>(i & 0xff), static_cast<std::uint8_t>(i >> 8)));
  EXPECT_EQ(sightings.take().size(), Sightings::kBatch);
  EXPECT_EQ(sightings.take().size(), 1U);
}

}  // namespace
}  // namespace countersign::feed
