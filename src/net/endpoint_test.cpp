#include "net/endpoint.h"

#include <gtest/gtest.h>

namespace countersign::net {
namespace {

struct Row {
  const char* name;
  std::string text;
  bool accepted;
};

class EndpointText : public ::testing::TestWithParam<Row> {};

TEST_P(EndpointText, IsReadOneWayOnly) {
  const base::Result<Endpoint> endpoint = Endpoint::parse(GetParam().text);
  ASSERT_EQ(endpoint.has_value(), GetParam().accepted);
  if (endpoint) EXPECT_EQ(endpoint->to_string(), GetParam().text);
  else EXPECT_EQ(endpoint.error().code, "endpoint.invalid");
}

INSTANTIATE_TEST_SUITE_P(
    Rows, EndpointText,
    ::testing::Values(Row{"Ipv4", "127.0.0.1:8443", true}, Row{"Name", "api.example.com:443", true},
                      Row{"NoPort", "api.example.com", false}, Row{"EmptyPort", "api.example.com:", false},
                      Row{"PortZero", "127.0.0.1:0", true}, Row{"HighestPort", "a:65535", true},
                      Row{"PortTooHigh", "a:65536", false}, Row{"SignedPort", "a:+80", false},
                      Row{"PortWithRest", "a:80 ", false}, Row{"Ipv6", "[::1]:8443", true},
                      Row{"Ipv6WithoutBrackets", "::1:8443", false}, Row{"NameInBrackets", "[a]:80", false},
                      Row{"NoHost", ":80", false}, Row{"SpaceInHost", "a b:80", false},
                      Row{"LongestHost", std::string(253, 'a') + ":80", true},
                      Row{"HostTooLong", std::string(254, 'a') + ":80", false}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace countersign::net
