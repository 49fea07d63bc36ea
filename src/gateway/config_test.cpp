#include "gateway/config.h"

#include <gtest/gtest.h>

namespace countersign::gateway {
namespace {

const std::string kGood =
    "[provider]\nname = \"P\"\n[gateway]\nlisten = \"127.0.0.1:0\"\n[[gateway.routes]]\naccess = "
    "\"any_partner\"\nupstream = \"127.0.0.1:8080\"\n";

TEST(GatewayConfig, SignaturesOfARouteAreReadWithDefaults) {
  const auto config = GatewayConfig::parse(kGood + "[gateway.routes.signatures]\n", "/");
  ASSERT_TRUE(config) << config.error().detail;
  const auto& signatures = config->routes.front().signatures;
  ASSERT_TRUE(signatures);
  EXPECT_TRUE(signatures->requests);
  EXPECT_FALSE(signatures->responses);
  EXPECT_EQ(signatures->signer, RouteSignatures::Signer::application);
  EXPECT_EQ(signatures->content_limit, 1024U * 1024U);
  EXPECT_EQ(signatures->max_age, std::chrono::minutes(5));
  EXPECT_FALSE(signatures->takes(signatures::Kind::jws));
  EXPECT_FALSE(signatures->strips);
  EXPECT_FALSE(config->signing);
  const auto other = GatewayConfig::parse(
      kGood +
          "[gateway.routes.signatures]\nresponses = \"signed\"\nsigner = \"organisation\"\nforward = \"strip\"\n"
          "cover = [\"content-type\", \"\\\"@query-param\\\";name=\\\"id\\\"\"]\ntag = \"pay\"\n"
          "danger_content_only = [\"jws\", \"header\"]\nheader = \"x-sig\"\nmax_age = \"1m\"\ncontent_limit = 5\n"
          "[gateway.signing]\ncertificate = \"a.pem\"\nkey = \"/k/a.key\"\n",
      "/etc");
  ASSERT_TRUE(other) << other.error().detail;
  EXPECT_EQ(other->routes.front().signatures->policy.more.size(), 2U);
  EXPECT_TRUE(other->routes.front().signatures->takes(signatures::Kind::header));
  EXPECT_EQ(other->signing->chain, "/etc/a.pem");
  EXPECT_EQ(other->signing->key, "/k/a.key");
}

TEST(GatewayConfig, GoodOneIsReadWithDefaults) {
  const auto config = GatewayConfig::parse(kGood, "/etc/countersign");
  ASSERT_TRUE(config) << config.error().detail;
  ASSERT_EQ(config->listeners.size(), 1U);
  const ListenerConfig& listener = config->listeners.front();
  EXPECT_EQ(listener.name, "gateway");
  EXPECT_EQ(listener.other.environment, base::Environment::production);
  EXPECT_EQ(listener.other.client_certificate, tls::ClientCertificate::required);
  EXPECT_EQ(listener.resumption, tls::Resumption::off);
  EXPECT_FALSE(listener.refuses_other_names);
  EXPECT_TRUE(config->routes.front().certificate_required);
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

/// A WebSocket by way of an upstream, in whose table more may follow.
const std::string kUpgrade =
    "[[gateway.routes]]\npath = \"/ws\"\nupstream = \"a\"\naccess = \"any_partner\"\nupgrade = [\"websocket\"]\n"
    "[[gateway.upstreams]]\nname = \"a\"\naddresses = [\"127.0.0.1:1\"]\n";

TEST(GatewayConfig, AnUpgradeIsOneOfHttp1) {
  const auto config = GatewayConfig::parse(kGood + kUpgrade + "protocol = \"http1\"\n", "/");
  ASSERT_TRUE(config) << base::to_string(config.error());
  EXPECT_TRUE(config->routes.back().websocket);
}

const std::string kListener = "[[gateway.listeners]]\nname = \"a\"\nlisten = \"127.0.0.1:1\"\n";

/// As kGood, with listeners.
GatewayConfig with_listeners(const std::string& keys, const std::string& listeners) {
  const auto config = GatewayConfig::parse("[provider]\nname = \"P\"\n[gateway]\n" + keys +
                                               "[[gateway.routes]]\naccess = \"any_partner\"\nupstream = "
                                               "\"127.0.0.1:8080\"\n" +
                                               listeners,
                                           "/etc");
  EXPECT_TRUE(config) << base::to_string(config.error());
  return config ? *config : GatewayConfig{};
}

TEST(GatewayConfig, WhatIsSaidOfACertificateIsNotSaidOfAnotherOne) {
  const auto config = with_listeners(
      "ocsp_responder = \"http://ocsp.example\"\nstrict_transport_security = \"max-age=1\"\n",
      kListener +
          "[[gateway.listeners.sites]]\nnames = [\"same.example\"]\nstrict_transport_security = \"\"\n"
          "[[gateway.listeners.sites]]\nnames = [\"own.example\"]\nserver_certificate = \"a.pem\"\nserver_key = "
          "\"a.key\"\n"
          "[[gateway.listeners.sites]]\nnames = [\"off.example\"]\nserver_certificate = \"b.pem\"\nserver_key = "
          "\"b.key\"\nocsp_stapling = false\nstrict_transport_security = \" max-age=2; includeSubDomains\\t\"\n");
  ASSERT_EQ(config.listeners.front().sites.size(), 3U);
  const auto& sites = config.listeners.front().sites;
  EXPECT_EQ(config.listeners.front().other.ocsp.responder, "http://ocsp.example");
  EXPECT_EQ(sites[0].ocsp.responder, "http://ocsp.example");
  EXPECT_EQ(sites[0].strict_transport, "");
  EXPECT_EQ(sites[1].ocsp, OcspSettings{});
  EXPECT_EQ(sites[1].strict_transport, "max-age=1");
  EXPECT_FALSE(sites[2].ocsp.stapling);
  EXPECT_EQ(sites[2].strict_transport, "max-age=2; includeSubDomains");
}

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
        Row{"signatures_of_another_word", "[gateway.routes.signatures]\nrequests = \"on\"\n", "signatures.requests"},
        Row{"signatures_of_nothing", "[gateway.routes.signatures]\nrequests = \"off\"\n", "signatures.requests"},
        Row{"signed_without_a_key", "[gateway.routes.signatures]\nresponses = \"signed\"\n", "gateway.signing"},
        Row{"unknown_kind", "[gateway.routes.signatures]\ndanger_content_only = [\"hmac\"]\n", "danger_content_only"},
        Row{"kind_without_nonce",
            "[gateway.routes.signatures]\ndanger_content_only = [\"jws\"]\nnonce = \"required\"\n",
            "danger_content_only"},
        Row{"component_in_capitals", "[gateway.routes.signatures]\ncover = [\"Date\"]\n", "signatures.cover"},
        Row{"header_that_is_none", "[gateway.routes.signatures]\nheader = \"a b\"\n", "signatures.header"},
        Row{"age_of_days", "[gateway.routes.signatures]\nmax_age = \"2d\"\n", "signatures.max_age"},
        Row{"content_without_end", "[gateway.routes.signatures]\ncontent_limit = 99999999\n",
            "signatures.content_limit"},
        Row{"signatures_with_upgrade", "upgrade = [\"websocket\"]\n[gateway.routes.signatures]\n",
            "gateway.routes[1].signatures"},
        Row{"signatures_without_a_caller",
            "[[gateway.routes]]\nupstream = \"127.0.0.1:1\"\nclient_certificate = \"optional\"\naccess = "
            "\"anyone\"\n[gateway.routes.signatures]\n",
            "gateway.routes[2].signatures"},
        Row{"unknown_key_in_signatures", "[gateway.routes.signatures]\nrequire = true\n", "signatures.require"},
        Row{"token_that_is_none", "token = \"optional\"\n", "gateway.routes[1].token"},
        Row{"scopes_without_token", "scopes = [\"a\"]\n", "gateway.routes[1].scopes"},
        Row{"audience_without_token", "audience = \"https://x\"\n", "gateway.routes[1].audience"},
        Row{"scope_with_space", "token = \"required\"\nscopes = [\"a b\"]\n", "gateway.routes[1].scopes"},
        Row{"audience_with_fragment", "token = \"required\"\naudience = \"https://x#y\"\n",
            "gateway.routes[1].audience"},
        Row{"token_of_anybody",
            "[[gateway.routes]]\nupstream = \"127.0.0.1:1\"\nclient_certificate = \"optional\"\naccess = "
            "\"anyone\"\ntoken = \"required\"\n",
            "gateway.routes[2].token"},
        Row{"route_below_the_token_endpoint", "path = \"/oauth2/x\"\n", "gateway.token_endpoint"},
        Row{"unknown_upgrade", "upgrade = [\"h2c\"]\n", "gateway.routes[1].upgrade"},
        Row{"upgrade_to_http2", kUpgrade + "protocol = \"http2\"\n", "gateway.routes[2].upgrade"},
        Row{"two_upstreams_of_a_name",
            "[[gateway.upstreams]]\nname = \"a\"\naddresses = [\"127.0.0.1:1\"]\n[[gateway.upstreams]]\nname = "
            "\"a\"\naddresses = [\"127.0.0.1:2\"]\n",
            "named 'a'"},
        Row{"upstream_without_port", "[[gateway.routes]]\nupstream = \"10.0.0.1\"\n", "gateway.routes[2].upstream"},
        Row{"access_unknown", "[[gateway.routes]]\nupstream = \"127.0.0.1:1\"\naccess = \"all\"\n",
            "gateway.routes[2].access"},
        Row{"anyone_must_show_a_certificate", "[[gateway.routes]]\nupstream = \"127.0.0.1:1\"\naccess = \"anyone\"\n",
            "contradicts client_certificate"},
        Row{"no_certificate_yet_any_partner",
            "[[gateway.routes]]\nupstream = \"127.0.0.1:1\"\nclient_certificate = \"optional\"\naccess = "
            "\"any_partner\"\n",
            "contradicts client_certificate"},
        Row{"access_not_said_and_no_policy", "[[gateway.routes]]\nupstream = \"127.0.0.1:1\"\n",
            "gateway.routes[2].access"},
        Row{"key_demanded_and_no_policy", "api_key = true\n", "gateway.routes[1].api_key"},
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
        TopRow{"sites_outside_of_a_listener", "resumption = \"stateful\"", "gateway.resumption"},
        TopRow{"no_time_at_all", "idle_time = \"0s\"", "gateway.idle_time"},
        TopRow{"duration_without_unit", "idle_time = \"10\"", "gateway.idle_time"}),
    [](const auto& row) { return row.param.name; });

const std::string kListeners = R"(
[gateway]
environment = "production"
[[gateway.listeners]]
name = "partners"
listen = "127.0.0.1:1"
resumption = "stateful"
[[gateway.listeners.sites]]
names = ["API.example.com.", "*.api.example.com"]
[[gateway.listeners.sites]]
names = ["uat.example.com"]
environment = "uat"
trust = "uat.pem"
client_certificate = "optional"
[[gateway.listeners]]
name = "public"
listen = "127.0.0.1:2"
client_certificate = "none"
server_certificate = "public.pem"
server_key = "public.key"
[[gateway.routes]]
host = "a.example"
upstream = "127.0.0.1:1"
access = "any_partner"
[[gateway.routes]]
upstream = "127.0.0.1:2"
client_certificate = "optional"
access = "anyone"
listeners = ["public"]
)";

TEST(GatewayConfig, ListenersAndTheirSitesAreRead) {
  const auto config = GatewayConfig::parse(kListeners, "/etc/c");
  ASSERT_TRUE(config) << base::to_string(config.error());
  ASSERT_EQ(config->listeners.size(), 2U);
  const ListenerConfig& partners = config->listeners.front();
  EXPECT_EQ(partners.resumption, tls::Resumption::stateful);
  EXPECT_TRUE(partners.refuses_other_names) << "where there are sites, unless it is said";
  ASSERT_EQ(partners.sites.size(), 2U);
  EXPECT_EQ(partners.sites[0].names, (std::vector<std::string>{"api.example.com", "*.api.example.com"}));
  EXPECT_EQ(partners.sites[0].environment, base::Environment::production);
  EXPECT_EQ(partners.sites[0].client_certificate, tls::ClientCertificate::required);
  EXPECT_EQ(partners.sites[1].environment, base::Environment::uat);
  EXPECT_EQ(partners.sites[1].trust, "/etc/c/uat.pem");
  EXPECT_EQ(partners.reachable().size(), 2U);
  EXPECT_EQ(tls_word(partners), "by name");
  const ListenerConfig& open = config->listeners.back();
  EXPECT_FALSE(open.refuses_other_names);
  EXPECT_EQ(open.other.server_key, "/etc/c/public.key");
  EXPECT_EQ(tls_word(open), "one-way");
  EXPECT_FALSE(config->routes[1].certificate_required);
  EXPECT_EQ(config->routes[1].listeners, std::vector<std::string>{"public"});
}

struct ListenerRow {
  std::string name;
  std::string was;      ///< in kListeners, once
  std::string becomes;  ///< in its place
  std::string said;
};
class BadListener : public ::testing::TestWithParam<ListenerRow> {};

TEST_P(BadListener, NamesTheKey) {
  std::string text = kListeners;
  const std::size_t at = text.find(GetParam().was);
  ASSERT_NE(at, std::string::npos);
  text.replace(at, GetParam().was.size(), GetParam().becomes);
  const auto config = GatewayConfig::parse(text, "/");
  ASSERT_FALSE(config);
  EXPECT_NE(base::to_string(config.error()).find(GetParam().said), std::string::npos)
      << base::to_string(config.error());
}

INSTANTIATE_TEST_SUITE_P(
    Rows, BadListener,
    ::testing::Values(
        ListenerRow{"listen_in_both_ways", "[gateway]", "[gateway]\nlisten = \"127.0.0.1:3\"", "gateway.listen"},
        ListenerRow{"no_name", "name = \"partners\"\n", "", "gateway.listeners[1].name"},
        ListenerRow{"name_of_two", "name = \"public\"", "name = \"partners\"", "gateway.listeners[2].name"},
        ListenerRow{"name_with_space", "\"public\"\nlisten", "\"pub lic\"\nlisten", "gateway.listeners[2].name"},
        ListenerRow{"no_address", "listen = \"127.0.0.1:2\"\n", "", "gateway.listeners[2].listen"},
        ListenerRow{"address_of_two", "127.0.0.1:2\"\nclient", "127.0.0.1:1\"\nclient", "gateway.listeners[2].listen"},
        ListenerRow{"unknown_mode", "\"none\"", "\"maybe\"", "gateway.listeners[2].client_certificate"},
        ListenerRow{"unknown_resumption", "\"stateful\"", "\"tickets\"", "gateway.listeners[1].resumption"},
        ListenerRow{"site_without_names", "names = [\"uat.example.com\"]\n", "", "gateway.listeners[1].sites[2].names"},
        ListenerRow{"site_for_all", "\"uat.example.com\"", "\"*\"", "gateway.listeners[1].sites[2].names"},
        ListenerRow{"site_that_is_called_as_none", "\"uat.example.com\"", "\"Other\"",
                    "gateway.listeners[1].sites[2].names"},
        ListenerRow{"site_with_a_port", "\"uat.example.com\"", "\"uat.example.com:1\"",
                    "gateway.listeners[1].sites[2].names"},
        ListenerRow{"name_in_two_sites", "\"uat.example.com\"", "\"Api.example.com\"",
                    "gateway.listeners[1].sites[2].names"},
        ListenerRow{"internal_site", "environment = \"uat\"", "environment = \"internal\"",
                    "gateway.listeners[1].sites[2].environment"},
        ListenerRow{"nobody_may_come", "client_certificate = \"none\"", "other_names = \"refuse\"",
                    "gateway.listeners[2].other_names"},
        ListenerRow{"responder_by_https", "trust = ", "ocsp_responder = \"https://ocsp.example/\"\ntrust = ",
                    "gateway.listeners[1].sites[2].ocsp_responder"},
        ListenerRow{"responder_with_a_query", "trust = ", "ocsp_responder = \"http://ocsp.example/?a\"\ntrust = ",
                    "gateway.listeners[1].sites[2].ocsp_responder"},
        ListenerRow{"two_responders_of_one_certificate",
                    "trust = ", "ocsp_stapling = false\ntrust = ", "show the same certificate"},
        ListenerRow{"strict_transport_without_age",
                    "trust = ", "strict_transport_security = \"includeSubDomains\"\ntrust = ",
                    "gateway.listeners[1].sites[2].strict_transport_security"},
        ListenerRow{"strict_transport_without_http", "client_certificate = \"optional\"",
                    "tcp_upstream = \"a\"\nstrict_transport_security = \"max-age=1\"",
                    "gateway.listeners[1].sites[2].strict_transport_security"},
        ListenerRow{"certificate_without_key", "server_key = \"public.key\"\n", "", "gateway.listeners[2].server_key"},
        ListenerRow{"route_at_no_listener", "[\"public\"]", "[\"publik\"]", "publik"},
        ListenerRow{"route_that_loosens", "client_certificate = \"optional\"\naccess",
                    "client_certificate = \"none\"\naccess", "gateway.routes[2].client_certificate"},
        ListenerRow{"one_way_and_nothing_to_be_had", "client_certificate = \"optional\"\naccess = \"anyone\"",
                    "access = \"any_partner\"", "'public'"},
        ListenerRow{"unknown_key_of_a_site", "trust = ", "trusts = ", "gateway.listeners[1].sites[2].trusts"}),
    [](const auto& row) { return row.param.name; });

/// A listener whose connections go on as bytes, and a change of it that is refused.
TEST(GatewayConfig, ASiteWithoutHttpNamesAnUpstreamAndDemandsACertificate) {
  const auto parse = [](const std::string& was, const std::string& becomes) {
    std::string text =
        "[gateway]\n[[gateway.listeners]]\nname = \"a\"\nlisten = \"127.0.0.1:1\"\ntcp_upstream = \"ledger\"\n"
        "tcp_access = \"any_partner\"\ntcp_idle_time = \"9s\"\ntcp_connection_time = \"1h\"\n"
        "[[gateway.upstreams]]\nname = \"ledger\"\naddresses = [\"127.0.0.1:2\"]\nproxy_protocol = \"v2-identity\"\n";
    if (!was.empty()) text.replace(text.find(was), was.size(), becomes);
    return GatewayConfig::parse(text, "/");
  };
  const auto good = parse("", "");
  ASSERT_TRUE(good) << base::to_string(good.error());
  const TcpRoute& tcp = good->listeners.front().other.tcp;
  EXPECT_EQ(tcp.upstream, "ledger");
  EXPECT_EQ(tcp.access, policy::Access::any_partner);
  EXPECT_EQ(tcp.idle_time, std::chrono::seconds(9));
  EXPECT_EQ(tcp.connection_time, std::chrono::hours(1));
  EXPECT_TRUE(good->upstreams.front().send_proxy_identity);
  struct Change {
    std::string was, becomes, named;
  };
  for (const Change& row :
       {Change{"\"ledger\"\ntcp", "\"nobody\"\ntcp", "nobody"}, Change{"any_partner", "anyone", "tcp_access"},
        Change{"tcp_access = \"any_partner\"\n", "", "gateway.policy"}, Change{"\"9s\"", "\"0s\"", "tcp_idle_time"},
        Change{"tcp_upstream = \"ledger\"\n", "", "tcp_upstream"},
        Change{"tcp_access", "client_certificate = \"optional\"\ntcp_access", "tcp_upstream"},
        Change{"proxy_protocol", "[gateway.upstreams.check]\npath = \"/\"\n#", "check"},
        Change{"proxy_protocol", "protocol = \"http2\"\n#", "HTTP/2"}}) {
    const auto bad = parse(row.was, row.becomes);
    ASSERT_FALSE(bad) << row.becomes;
    EXPECT_NE(base::to_string(bad.error()).find(row.named), std::string::npos) << base::to_string(bad.error());
  }
}

TEST(GatewayConfig, DangerMakesAPlainUpstreamElsewherePossible) {
  EXPECT_TRUE(GatewayConfig::parse(
      kGood + "[[gateway.routes]]\nupstream = \"10.0.0.1:80\"\ndanger_plain_upstream = true\naccess = "
              "\"any_partner\"\n",
      "/"));
}

TEST(GatewayConfig, ARouteIsForThoseWhomAPolicyGrantsItUnlessItSaysOtherwise) {
  const std::string route = "[[gateway.routes]]\nupstream = \"127.0.0.1:1\"\napi_key = true\n";
  const auto config = GatewayConfig::parse("[gateway]\npolicy = \"policy.toml\"\n" + route, "/etc");
  ASSERT_TRUE(config) << config.error().detail;
  EXPECT_EQ(config->policy, "/etc/policy.toml");
  EXPECT_EQ(config->routes.front().access, policy::Access::by_grant);
  EXPECT_TRUE(config->routes.front().api_key);
}

TEST(GatewayConfig, ARouteNamesAnUpstreamAndItsTimesAreThoseOfTheGatewayUnlessItSaysOthers) {
  const auto config = GatewayConfig::parse(
      "[gateway]\nupstream_response_time = \"9s\"\n[[gateway.routes]]\nupstream = \"a\"\nupgrade = "
      "[\"websocket\"]\naccess = \"any_partner\"\n"
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
