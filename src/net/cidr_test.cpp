#include "net/cidr.h"

#include <gtest/gtest.h>

namespace countersign::net {
namespace {

struct Row {
  std::string name;
  std::string network;
  std::string address;
  bool inside;
};
class Networks : public ::testing::TestWithParam<Row> {};

TEST_P(Networks, HoldTheirAddressesOnly) {
  const auto network = Cidr::parse(GetParam().network);
  ASSERT_TRUE(network) << network.error().detail;
  EXPECT_EQ(network->contains(GetParam().address), GetParam().inside);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, Networks,
    ::testing::Values(
        Row{"first", "10.0.0.0/8", "10.0.0.0", true}, Row{"last", "10.0.0.0/8", "10.255.255.255", true},
        Row{"next", "10.0.0.0/8", "11.0.0.0", false}, Row{"odd_prefix", "10.0.0.128/25", "10.0.0.127", false},
        Row{"odd_prefix_in", "10.0.0.128/25", "10.0.0.128", true}, Row{"single", "192.0.2.1", "192.0.2.1", true},
        Row{"single_other", "192.0.2.1", "192.0.2.2", false}, Row{"all_ipv4", "0.0.0.0/0", "203.0.113.9", true},
        Row{"all_ipv4_no_ipv6", "0.0.0.0/0", "2001:db8::1", false},
        Row{"ipv6", "2001:db8::/32", "2001:db8:ffff::1", true}, Row{"ipv6_out", "2001:db8::/32", "2001:db9::1", false},
        Row{"mapped", "10.0.0.0/8", "::ffff:10.1.2.3", true}, Row{"no_address", "0.0.0.0/0", "localhost", false},
        Row{"empty", "0.0.0.0/0", "", false}),
    [](const auto& row) { return row.param.name; });

class BadNetworks : public ::testing::TestWithParam<std::string> {};

TEST_P(BadNetworks, AreRefused) {
  const auto network = Cidr::parse(GetParam());
  ASSERT_FALSE(network);
  EXPECT_EQ(network.error().code, "cidr.invalid");
}

INSTANTIATE_TEST_SUITE_P(Rows, BadNetworks,
                         ::testing::Values("", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x", "10.1.0.0/8",
                                           "10.0.0/8", "localhost", "2001:db8::/129", "2001:db8::1/32", "/8"));

TEST(Cidr, SaysItselfBack) {
  EXPECT_EQ(Cidr::parse("10.0.0.0/8")->to_string(), "10.0.0.0/8");
  EXPECT_EQ(Cidr::parse("2001:DB8::/32")->to_string(), "2001:db8::/32");
  EXPECT_EQ(Cidr::parse("192.0.2.1")->to_string(), "192.0.2.1/32");
}

}  // namespace
}  // namespace countersign::net
