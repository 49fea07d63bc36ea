#include "gateway/listening_addresses.h"

#include <gtest/gtest.h>

namespace countersign::gateway {
namespace {

struct Row {
  std::string name;
  std::string first;
  std::string second;
  bool good;
};
class ListeningAddresses : public ::testing::TestWithParam<Row> {};

TEST_P(ListeningAddresses, DoNotOverlap) {
  const auto checked = check_listening_addresses({{.name = "a", .listen = *net::Endpoint::parse(GetParam().first)},
                                                  {.name = "b", .listen = *net::Endpoint::parse(GetParam().second)}});
  EXPECT_EQ(checked.has_value(), GetParam().good);
  if (checked) return;
  EXPECT_EQ(checked.error().code, "gateway.config");
  for (const std::string& part : {"'a' (" + GetParam().first + ")", "'b' (" + GetParam().second + ")"})
    EXPECT_NE(checked.error().detail.find(part), std::string::npos) << checked.error().detail;
}

INSTANTIATE_TEST_SUITE_P(Rows, ListeningAddresses,
                         ::testing::Values(Row{"two_wildcards", "0.0.0.0:8443", "[::]:8443", false},
                                           Row{"two_wildcards_and_ports", "0.0.0.0:8443", "[::]:8444", true},
                                           Row{"a_name", "localhost:8443", "127.0.0.1:8443", false},
                                           Row{"another_address", "localhost:8443", "127.0.0.2:8443", true},
                                           Row{"a_wildcard", "127.0.0.1:8443", "0.0.0.0:8443", false},
                                           Row{"a_wildcard_of_ipv6", "[::]:8443", "127.0.0.1:8443", false},
                                           Row{"a_wildcard_of_the_other_family", "[::1]:8443", "0.0.0.0:8443", true},
                                           Row{"other_spellings", "[0:0:0:0:0:0:0:1]:8443", "[::1]:8443", false},
                                           Row{"ports_of_the_kernels_choice", "127.0.0.1:0", "127.0.0.1:0", true}),
                         [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace countersign::gateway
