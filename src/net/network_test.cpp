#include "net/network.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "net/own_networks.h"

namespace countersign::net {
namespace {

struct NetworkRow {
  std::string name;
  std::string network;
  std::string address;
  bool contains;
};
class NetworkRows : public ::testing::TestWithParam<NetworkRow> {};

TEST_P(NetworkRows, ContainsByPrefix) {
  const auto network = Network::parse(GetParam().network);
  ASSERT_TRUE(network) << network.error().detail;
  const auto address = Address::parse(GetParam().address);
  ASSERT_TRUE(address);
  EXPECT_EQ(network->contains(*address), GetParam().contains);
}

INSTANTIATE_TEST_SUITE_P(Rows, NetworkRows,
                         ::testing::Values(NetworkRow{"first", "192.0.2.0/24", "192.0.2.0", true},
                                           NetworkRow{"last", "192.0.2.0/24", "192.0.2.255", true},
                                           NetworkRow{"next", "192.0.2.0/24", "192.0.3.0", false},
                                           NetworkRow{"odd_prefix_in", "192.0.2.128/25", "192.0.2.128", true},
                                           NetworkRow{"odd_prefix_out", "192.0.2.128/25", "192.0.2.127", false},
                                           NetworkRow{"one_address", "192.0.2.7", "192.0.2.7", true},
                                           NetworkRow{"another_address", "192.0.2.7", "192.0.2.6", false},
                                           NetworkRow{"everybody", "0.0.0.0/0", "203.0.113.9", true},
                                           NetworkRow{"everybody_of_v4_only", "0.0.0.0/0", "::1", false},
                                           NetworkRow{"v4_inside_v6", "192.0.2.0/24", "::ffff:192.0.2.9", true},
                                           NetworkRow{"v6", "2001:db8::/33", "2001:db8:7fff::1", true},
                                           NetworkRow{"v6_out", "2001:db8::/33", "2001:db8:8000::1", false},

                                           NetworkRow{"v6_zone", "fe80::/10", "fe80::1%eth0", true}),
                         [](const auto& row) { return row.param.name; });

TEST(Network, IsReadStrictly) {
  for (const char* bad :
       {"", "192.0.2.1/24", "192.0.2.0/33", "192.0.2.0/", "192.0.2.0/-1", "192.0.2.0/024x", "192.0.2", "::/129",
        "2001:db8::1/32", "fe80::1%eth0", "::ffff:192.0.2.1", "example.com", "192.0.2.0/24 "})
    EXPECT_FALSE(Network::parse(bad)) << bad;
  EXPECT_FALSE(Address::parse("localhost"));
}

TEST(Network, AnAddressThatIsUnknownIsInNoNetwork) {
  EXPECT_TRUE(holds({}, std::nullopt)) << "nobody asked";
  EXPECT_FALSE(holds({*Network::parse("0.0.0.0/0")}, std::nullopt));
}

/// Every machine is in 127.0.0.0/8.
TEST(Network, OwnOnesAreOfTheInterfaces) {
  const Networks own = own_networks();
  const auto holds_own = [&](const char* text) {
    const auto address = Address::parse(text);
    return std::ranges::any_of(own, [&](const Network& one) { return one.contains(*address); });
  };
  EXPECT_TRUE(holds_own("127.0.0.1"));
  EXPECT_TRUE(holds_own("127.255.255.254")) << "by its mask";
  EXPECT_FALSE(holds_own("1.1.1.1"));
}

}  // namespace
}  // namespace countersign::net
