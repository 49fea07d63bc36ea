#include "gateway/config.h"

#include <gtest/gtest.h>

namespace countersign::gateway {
namespace {

const std::string kGood =
    "[provider]\nname = \"P\"\n[gateway]\nlisten = \"127.0.0.1:0\"\n[[gateway.routes]]\nupstream = "
    "\"127.0.0.1:8080\"\n";

TEST(GatewayConfig, GoodOneIsReadWithDefaults) {
  const auto config = GatewayConfig::parse(kGood, "/etc/countersign");
  ASSERT_TRUE(config) << config.error().detail;
  EXPECT_EQ(config->environment, base::Environment::production);
  EXPECT_EQ(config->data, "/etc/countersign/gateway");
  ASSERT_EQ(config->routes.size(), 1U);
  EXPECT_EQ(config->routes.front().host, "*");
  EXPECT_EQ(config->routes.front().path, "/");
  EXPECT_EQ(config->handshakes_per_second, 200U);
}

struct Row {
  std::string name;
  std::string addition;  ///< behind the good configuration, inside its last route
  std::string said;      ///< a part of the error: the key it is about
};

class BadGatewayConfig : public ::testing::TestWithParam<Row> {};

TEST_P(BadGatewayConfig, NamesTheKey) {
  const auto config = GatewayConfig::parse(kGood + GetParam().addition, "/");
  ASSERT_FALSE(config);
  EXPECT_NE(base::to_string(config.error()).find(GetParam().said), std::string::npos)
      << base::to_string(config.error());
}

INSTANTIATE_TEST_SUITE_P(
    Rows, BadGatewayConfig,
    ::testing::Values(
        Row{"unknown_key_in_route", "upstreem = \"x\"\n", "gateway.routes[1].upstreem"},
        Row{"unknown_section", "[gatewey]\n", "gatewey"},
        Row{"path_without_slash", "path = \"v1\"\n", "gateway.routes[1].path"},
        Row{"path_with_escape", "path = \"/%2e\"\n", "gateway.routes[1].path"},
        Row{"star_inside_host", "host = \"a.*.b\"\n", "gateway.routes[1].host"},
        Row{"second_route_without_upstream", "[[gateway.routes]]\nhost = \"a\"\n", "gateway.routes[2].upstream"},
        Row{"upstream_nobody_defined", "[[gateway.routes]]\nupstream = \"payments\"\n", "gateway.routes[2].upstream"},
        Row{"unknown_upgrade", "upgrade = [\"h2c\"]\n", "gateway.routes[1].upgrade"},
        Row{"two_upstreams_of_a_name",
            "[[gateway.upstreams]]\nname = \"a\"\naddresses = [\"127.0.0.1:1\"]\n[[gateway.upstreams]]\nname = "
            "\"a\"\naddresses = [\"127.0.0.1:2\"]\n",
            "named 'a'"},
        Row{"upstream_without_port", "[[gateway.routes]]\nupstream = \"10.0.0.1\"\n", "gateway.routes[2].upstream"},
        Row{"plain_upstream_elsewhere", "[[gateway.routes]]\nupstream = \"10.0.0.1:80\"\n", "danger_plain_upstream"}),
    [](const auto& row) { return row.param.name; });

struct TopRow {
  std::string name;
  std::string line;  ///< in [gateway]
  std::string said;
};
class BadGatewaySection : public ::testing::TestWithParam<TopRow> {};

TEST_P(BadGatewaySection, NamesTheKey) {
  const auto config =
      GatewayConfig::parse("[gateway]\n" + GetParam().line + "\n[[gateway.routes]]\nupstream = \"127.0.0.1:1\"\n", "/");
  ASSERT_FALSE(config);
  EXPECT_NE(base::to_string(config.error()).find(GetParam().said), std::string::npos)
      << base::to_string(config.error());
}

INSTANTIATE_TEST_SUITE_P(
    Rows, BadGatewaySection,
    ::testing::Values(
        TopRow{"internal_environment", "environment = \"internal\"", "gateway.environment"},
        TopRow{"no_workers", "workers = 0", "gateway.workers"},
        TopRow{"no_handshakes", "handshakes_per_second = 0", "gateway.handshakes_per_second"},
        TopRow{"status_for_everybody", "status = \"0.0.0.0:9100\"", "gateway.status"},
        TopRow{"certificate_without_key", "server_certificate = \"a.pem\"", "gateway.server_key"},
        TopRow{"proxies_by_name", "proxy_protocol_from = [\"lb.example\"]", "gateway.proxy_protocol_from"},
        TopRow{"proxies_half_a_network", "proxy_protocol_from = [\"10.0.0.1/8\"]", "gateway.proxy_protocol_from"},
        TopRow{"feed_always_too_old", "ready_feed_age = \"10s\"", "gateway.ready_feed_age"},
        TopRow{"samples_of_traces", "trace_sample_percent = 101", "gateway.trace_sample_percent"},
        TopRow{"no_time_at_all", "idle_time = \"0s\"", "gateway.idle_time"},
        TopRow{"duration_without_unit", "idle_time = \"10\"", "gateway.idle_time"}),
    [](const auto& row) { return row.param.name; });

TEST(GatewayConfig, DangerMakesAPlainUpstreamElsewherePossible) {
  EXPECT_TRUE(GatewayConfig::parse(
      kGood + "[[gateway.routes]]\nupstream = \"10.0.0.1:80\"\ndanger_plain_upstream = true\n", "/"));
}

TEST(GatewayConfig, ARouteNamesAnUpstreamAndItsTimesAreThoseOfTheGatewayUnlessItSaysOthers) {
  const auto config = GatewayConfig::parse(
      "[gateway]\nupstream_response_time = \"9s\"\n[[gateway.routes]]\nupstream = \"a\"\nupgrade = [\"websocket\"]\n"
      "[[gateway.upstreams]]\nname = \"a\"\naddresses = [\"127.0.0.1:1\"]\nbody_time = \"4s\"\n",
      "/");
  ASSERT_TRUE(config) << config.error().detail;
  EXPECT_EQ(config->routes.front().upstream_name, "a");
  EXPECT_TRUE(config->routes.front().websocket);
  EXPECT_EQ(config->upstreams.front().times.response, std::chrono::seconds(9));
  EXPECT_EQ(config->upstreams.front().times.body, std::chrono::seconds(4));
}

TEST(GatewayConfig, WithoutRoutesThereIsNothingToServe) { EXPECT_FALSE(GatewayConfig::parse("[gateway]\n", "/")); }

}  // namespace
}  // namespace countersign::gateway
