// Which URIs name a database is in store/location_test.cpp; here, in whose words they are refused.
#include "postgres/address.h"

#include <gtest/gtest.h>

namespace countersign::postgres {
namespace {

constexpr Use kUse{.what = "the outbox",
                   .code = "outbox.location",
                   .danger = "danger_unverified_outbox = true in [ehi]",
                   .program = "countersign-ehi"};

TEST(Address, IsRefusedInTheWordsOfItsUse) {
  const std::string uri = "postgresql://ehi@db.example/outbox?sslmode=prefer";
  const auto refused = parse_address(uri, Peer::verified, kUse);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "outbox.location");
  EXPECT_EQ(refused.error().detail.find("the outbox's URI"), 0U) << refused.error().detail;
  EXPECT_NE(refused.error().detail.find(kUse.danger), std::string::npos) << refused.error().detail;
  EXPECT_TRUE(parse_address(uri, Peer::danger_anybody, kUse));
}

TEST(Address, NamesTheProgram) {
  const auto taken = parse_address("postgresql://ehi:s3cr3t@localhost/outbox", Peer::verified, kUse);
  ASSERT_TRUE(taken);
  EXPECT_NE(taken->connection->reveal_text().find("application_name='countersign-ehi'"), std::string_view::npos);
  EXPECT_EQ(taken->shown, "postgresql://ehi@localhost/outbox");
}

}  // namespace
}  // namespace countersign::postgres
