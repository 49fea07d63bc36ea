#include "gateway/route_table.h"

#include <gtest/gtest.h>

namespace countersign::gateway {
namespace {

Route route(std::string host, std::string path, std::uint16_t port) {
  return {std::move(host), std::move(path), {"127.0.0.1", port}};
}

const RouteTable& table() {
  static const RouteTable kTable({route("*", "/", 1), route("*", "/v1", 2), route("*", "/v1/cards", 3),
                                  route("*.example.com", "/", 4), route("api.example.com", "/", 5),
                                  route("api.example.com", "/v1/", 6)});
  return kTable;
}

struct Row {
  std::string name;
  std::string host;
  std::string path;
  std::uint16_t port;
};
class Routing : public ::testing::TestWithParam<Row> {};

TEST_P(Routing, FindsTheMostExact) {
  const Route* found = table().find("gateway", GetParam().host, GetParam().path);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->upstream.port, GetParam().port);
}

INSTANTIATE_TEST_SUITE_P(Rows, Routing,
                         ::testing::Values(Row{"root", "other", "/", 1}, Row{"prefix", "other", "/v1", 2},
                                           Row{"under_prefix", "other", "/v1/x", 2},
                                           Row{"whole_segments_only", "other", "/v10", 1},
                                           Row{"longest_path", "other", "/v1/cards/9", 3},
                                           Row{"parameters_lead_to_no_wider_route", "other", "/v1;x=1/cards;y", 3},
                                           Row{"escapes_lead_to_no_wider_route", "other", "/v1/cards%3By", 3},
                                           Row{"another_name_is_another_route", "other", "/v1%2C/cards", 1},
                                           Row{"wildcard_host", "a.example.com", "/v1", 4},
                                           Row{"wildcard_needs_a_label", "example.com", "/", 1},
                                           Row{"exact_host", "api.example.com", "/v1", 5},
                                           Row{"exact_host_longest_path", "api.example.com", "/v1/x", 6}),
                         [](const auto& row) { return row.param.name; });

TEST(Routing, NothingFitsIsNothing) {
  EXPECT_EQ(RouteTable({route("a.example", "/", 1)}).find("gateway", "b.example", "/"), nullptr);
}

TEST(Routing, ARouteOfAnotherListenerIsNotReplacedByALessExactOne) {
  Route admin = route("a.example", "/admin", 1);
  admin.listeners = {"inside"};
  Route shared_inside = route("b.example", "/", 2), shared_outside = route("b.example", "/", 3);
  shared_inside.listeners = {"inside"};
  shared_outside.listeners = {"outside"};
  const RouteTable table({admin, route("a.example", "/", 4), shared_inside, shared_outside});
  EXPECT_EQ(table.find("inside", "a.example", "/admin")->upstream.port, 1);
  EXPECT_EQ(table.find("outside", "a.example", "/admin"), nullptr);
  EXPECT_EQ(table.find("outside", "a.example", "/other")->upstream.port, 4);
  EXPECT_EQ(table.find("inside", "b.example", "/")->upstream.port, 2);
  EXPECT_EQ(table.find("outside", "b.example", "/")->upstream.port, 3);
}

struct Asked {
  std::string name;
  std::string method;
  std::string target;
  std::string host;
  std::string server_name;
  std::string expected;  ///< "HOST TARGET", or the code of the error
};
class Destinations : public ::testing::TestWithParam<Asked> {};

TEST_P(Destinations, AreReadOneWayOrRefused) {
  http::RequestHead head;
  head.method = GetParam().method;
  head.target = GetParam().target;
  head.fields.add("Host", GetParam().host);
  const auto destination = read_destination(head, GetParam().server_name);
  EXPECT_EQ(destination ? destination->host + " " + destination->target : destination.error().code,
            GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, Destinations,
    ::testing::Values(
        Asked{"plain", "GET", "/v1/x?q=../1", "api.example", "api.example", "api.example /v1/x?q=../1"},
        Asked{"host_case_port_dot", "GET", "/", "API.Example.:8443", "api.example", "api.example /"},
        Asked{"no_sni", "GET", "/", "127.0.0.1:8443", "", "127.0.0.1 /"},
        Asked{"ipv6", "GET", "/", "[::1]:8443", "", "::1 /"},
        Asked{"other_host_than_sni", "GET", "/", "other.example", "api.example", "gateway.misdirected"},
        Asked{"absolute_form", "GET", "http://api.example/v1", "api.example", "api.example", "api.example /v1"},
        Asked{"absolute_form_without_path", "GET", "http://api.example", "api.example", "", "api.example /"},
        Asked{"absolute_form_other_host", "GET", "http://other.example/", "api.example", "", "gateway.bad_target"},
        Asked{"connect", "CONNECT", "api.example:443", "api.example", "", "gateway.bad_target"},
        Asked{"asterisk", "OPTIONS", "*", "api.example", "", "gateway.bad_target"},
        Asked{"dot_segment", "GET", "/a/../b", "api.example", "", "gateway.bad_target"},
        Asked{"encoded_dot_segment", "GET", "/a/%2E%2e/b", "api.example", "", "gateway.bad_target"},
        Asked{"dot_segment_with_escaped_parameter", "GET", "/a/..%3Bx=1/b", "api.example", "", "gateway.bad_target"},
        Asked{"dot_segment_with_parameter", "GET", "/a/..;x=1/b", "api.example", "", "gateway.bad_target"},
        Asked{"dot_segment_last", "GET", "/a/..", "api.example", "", "gateway.bad_target"},
        Asked{"three_dots_are_a_name", "GET", "/a/.../b", "api.example", "", "api.example /a/.../b"},
        Asked{"dots_inside_a_name", "GET", "/a..b/c.d", "api.example", "", "api.example /a..b/c.d"},
        Asked{"encoded_slash", "GET", "/a%2Fb", "api.example", "", "gateway.bad_target"},
        Asked{"empty_segment", "GET", "//v1", "api.example", "", "gateway.bad_target"},
        Asked{"slash_at_the_end", "GET", "/v1/", "api.example", "", "api.example /v1/"},
        Asked{"two_slashes_at_the_end", "GET", "/v1//", "api.example", "", "gateway.bad_target"},
        Asked{"slashes_in_the_query", "GET", "/v1?u=http://x", "api.example", "", "api.example /v1?u=http://x"},
        Asked{"escaped_letter", "GET", "/v1/%61dmin", "api.example", "", "gateway.bad_target"},
        Asked{"escaped_tilde", "GET", "/%7Eacme", "api.example", "", "gateway.bad_target"},
        Asked{"escaped_space", "GET", "/a%20b%C3%A4%3A", "api.example", "", "api.example /a%20b%C3%A4%3A"},
        Asked{"half_an_escape", "GET", "/a%2", "api.example", "", "gateway.bad_target"},
        Asked{"no_escape", "GET", "/a%zz", "api.example", "", "gateway.bad_target"},
        Asked{"percent_encoded_percent", "GET", "/a%2561", "api.example", "", "api.example /a%2561"},
        Asked{"backslash", "GET", "/a\\..\\b", "api.example", "", "gateway.bad_target"},
        Asked{"encoded_nul", "GET", "/a%00", "api.example", "", "gateway.bad_target"}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace countersign::gateway
