#include "ehi/config.h"

#include <gtest/gtest.h>

#include "base/files.h"
#include "testing/folder.h"
#include "testing/pki.h"

namespace countersign::ehi {
namespace {

/// A folder with anchors.pem in it.
struct Place {
  Place() {
    const testing::Pki pki;
    BASE_CHECK(
        base::write_file(folder / "anchors.pem", pki.web_root().certificate.to_pem(), base::FileMode::world_readable)
            .has_value());
  }
  base::Result<EhiConfig> parse(const std::string& endpoint) const {
    return EhiConfig::parse("[ehi]\n[[ehi.endpoints]]\n" + endpoint, folder.path());
  }
  testing::Folder folder;
};

const std::string kGood = "name = \"acme\"\nurl = \"https://partner.example/decide\"\nanchors = \"anchors.pem\"\n";

TEST(EhiConfig, GoodOneIsReadWithDefaults) {
  const auto config = Place().parse(kGood);
  ASSERT_TRUE(config) << base::to_string(config.error());
  const Endpoint* endpoint = config->find("acme");
  ASSERT_NE(endpoint, nullptr);
  EXPECT_EQ(endpoint->deadline, std::chrono::milliseconds(200));
  EXPECT_EQ(endpoint->environment, base::Environment::production);
  EXPECT_EQ(endpoint->url.authority.port, 443);
  EXPECT_EQ(endpoint->staple, StapleRule::check);
  EXPECT_TRUE(endpoint->http2);
  EXPECT_EQ(endpoint->sign, std::nullopt);
  EXPECT_EQ(config->find("globex"), nullptr);
}

const std::string kEverything = kGood + R"(recovery_url = "https://dr.partner.example/decide"
deadline = "150ms"
late_time = "1s"
pins = ["sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="]
source = "127.0.0.1"
callers = ["service/core-banking"]
concurrency = 10
breaker_failures = 3
breaker_pause = "2s"
ack_status = ["200", "202-204"]
ack = ["/code = 00"]
ack_xpath = ["//s:Body"]
advice_ack_xpath = ["//ok", "//s:Body"]
xml_namespaces = ["s=http://schemas.xmlsoap.org/soap/envelope/"]
staple = "require"
http2 = false
sign = "detached_jws"
mode = "stand_in"
decline_status = 403
decline_content_type = "text/xml"
decline_body = "<no/>"
advice_url = "https://partner.example/advice"
advice_ack = ["/acknowledged = true"]
advice_deadline = "5s"
advice_pause = "1m"
advice_repeats = 3
advice_longest_pause = "30m"
advice_keep = "7d"
advice_concurrency = 2
cutoff_url = "https://partner.example/cutoff"
cutoff_interval = "2h"
[[ehi.endpoints.rules]]
name = "small"
when = ["/amount <= 50.00"]
outcome = "approve"
body = "<yes/>"
)";

TEST(EhiConfig, EveryKeyIsRead) {
  const auto config = Place().parse(kEverything);
  ASSERT_TRUE(config) << base::to_string(config.error());
  const Endpoint& endpoint = config->endpoints.front();
  EXPECT_EQ(endpoint.recovery_url->authority.host, "dr.partner.example");
  EXPECT_EQ(endpoint.pins.size(), 1U);
  EXPECT_EQ(endpoint.pins[0][0], 0xe3);
  EXPECT_EQ(endpoint.source, "127.0.0.1");
  EXPECT_EQ(endpoint.callers, std::vector<std::string>{"service/core-banking"});
  EXPECT_EQ(endpoint.circuit.failures, 3);
  EXPECT_EQ(endpoint.acknowledgement.statuses, (std::vector<std::pair<int, int>>{{200, 200}, {202, 204}}));
  EXPECT_EQ(endpoint.acknowledgement.xpath_rules.at(0).text(), "//s:Body");
  EXPECT_EQ(endpoint.advice.acknowledgement.xpath_rules.size(), 2U);
  EXPECT_EQ(endpoint.staple, StapleRule::require);
  EXPECT_FALSE(endpoint.http2);
  EXPECT_EQ(endpoint.sign, SignRule::detached_jws);
  EXPECT_EQ(endpoint.fallback.mode, Mode::stand_in);
  EXPECT_EQ(endpoint.fallback.decline.status, 403);
  EXPECT_EQ(endpoint.fallback.rules.at(0).reply.body, "<yes/>");
  EXPECT_EQ(endpoint.advice.pace.repeats, 3);
  EXPECT_EQ(endpoint.advice.acknowledgement.statuses, endpoint.acknowledgement.statuses);
  EXPECT_EQ(endpoint.advice.acknowledgement.conditions.at(0).text(), "/acknowledged = true");
  EXPECT_EQ(endpoint.advice.keep, std::chrono::hours(24 * 7));
  EXPECT_EQ(endpoint.advice.cutoff_interval, std::chrono::hours(2));
}

TEST(EhiConfig, PeopleOfTheOutboxAreNamed) {
  const Place place;
  const auto good = EhiConfig::parse("[ehi]\noutbox_operators = [\"operator/admin\"]\n", place.folder.path());
  ASSERT_TRUE(good) << base::to_string(good.error());
  for (const char* one : {"admin", "partner/admin", "operator/", "operator/Admin!"}) {
    const auto bad = EhiConfig::parse("[ehi]\noutbox_viewers = [\"" + std::string(one) + "\"]\n", place.folder.path());
    ASSERT_FALSE(bad) << one;
    EXPECT_NE(base::to_string(bad.error()).find("ehi.outbox_viewers"), std::string::npos);
  }
}

TEST(EhiConfig, TheOutboxMayBeADatabase) {
  const Place place;
  const auto read = [&](const std::string& keys) { return EhiConfig::parse("[ehi]\n" + keys, place.folder.path()); };
  EXPECT_FALSE(read("")->outbox);
  const auto good = read("outbox = \"postgresql://ehi@localhost/outbox\"\n");
  ASSERT_TRUE(good) << base::to_string(good.error());
  EXPECT_EQ(good->outbox->shown, "postgresql://ehi@localhost/outbox");
  const std::string unproved = "outbox = \"postgresql://ehi@db.example/outbox?sslmode=require\"\n";
  const auto bad = read(unproved);
  ASSERT_FALSE(bad);
  EXPECT_NE(base::to_string(bad.error()).find("ehi.outbox"), std::string::npos);
  EXPECT_TRUE(read(unproved + "danger_unverified_outbox = true\n"));
}

struct Row {
  std::string name;
  std::string endpoint;
  std::string said;
};
class BadEhiConfig : public ::testing::TestWithParam<Row> {};

TEST_P(BadEhiConfig, NamesTheKey) {
  const auto config = Place().parse(GetParam().endpoint);
  ASSERT_FALSE(config);
  EXPECT_NE(base::to_string(config.error()).find(GetParam().said), std::string::npos)
      << base::to_string(config.error());
}

INSTANTIATE_TEST_SUITE_P(
    Rows, BadEhiConfig,
    ::testing::Values(
        Row{"plain_http", "name = \"acme\"\nurl = \"http://partner.example/\"\nanchors = \"anchors.pem\"\n",
            "ehi.endpoints[1].url"},
        Row{"no_url", "name = \"acme\"\n", "ehi.endpoints[1].url"},
        Row{"bad_name", "name = \"Acme!\"\nurl = \"https://p.example/\"\n", "Acme!"},
        Row{"missing_anchors", "name = \"acme\"\nurl = \"https://p.example/\"\nanchors = \"nowhere.pem\"\n",
            "ehi.endpoints[1].anchors"},
        Row{"no_time", kGood + "deadline = \"0ms\"\n", "ehi.endpoints[1].deadline"},
        Row{"internal_environment", kGood + "environment = \"internal\"\n", "ehi.endpoints[1].environment"},
        Row{"unknown_key", kGood + "retries = 3\n", "ehi.endpoints[1].retries"},
        Row{"plain_recovery", kGood + "recovery_url = \"http://p.example/\"\n", "ehi.endpoints[1].recovery_url"},
        Row{"short_pin", kGood + "pins = [\"sha256/AAAA\"]\n", "ehi.endpoints[1].pins"},
        Row{"pin_of_another_kind", kGood + "pins = [\"sha1/AAAA\"]\n", "ehi.endpoints[1].pins"},
        Row{"source_that_is_a_name", kGood + "source = \"eth0\"\n", "ehi.endpoints[1].source"},
        Row{"nobody_may_call", kGood + "callers = [\"core\"]\n", "ehi.endpoints[1].callers"},
        Row{"no_concurrency", kGood + "concurrency = 0\n", "ehi.endpoints[1].concurrency"},
        Row{"bad_status", kGood + "ack_status = [\"20x\"]\n", "ehi.endpoints[1].ack_status"},
        Row{"statuses_backwards", kGood + "ack_status = [\"299-200\"]\n", "ehi.endpoints[1].ack_status"},
        Row{"bad_condition", kGood + "ack = [\"code = 00\"]\n", "ehi.endpoints[1].ack"},
        Row{"unknown_staple", kGood + "staple = \"maybe\"\n", "ehi.endpoints[1].staple"},
        Row{"unknown_signature", kGood + "sign = \"hmac\"\n", "ehi.endpoints[1].sign"},
        Row{"bad_xpath", kGood + "ack_xpath = [\"//code =\"]\n", "ehi.endpoints[1].ack_xpath"},
        Row{"prefix_of_nothing", kGood + "advice_ack_xpath = [\"//s:code\"]\n", "ehi.endpoints[1].advice_ack_xpath"},
        Row{"namespace_without_prefix", kGood + "ack_xpath = [\"//x\"]\nxml_namespaces = [\"=urn:x\"]\n",
            "ehi.endpoints[1].xml_namespaces"},
        Row{"unknown_mode", kGood + "mode = \"approve\"\n", "ehi.endpoints[1].mode"},
        Row{"stand_in_without_rules", kGood + "mode = \"stand_in\"\n", "ehi.endpoints[1].rules"},
        Row{"rules_without_stand_in", kGood + "[[ehi.endpoints.rules]]\nname = \"a\"\noutcome = \"approve\"\n",
            "ehi.endpoints[1].rules"},
        Row{"unknown_key_of_a_rule",
            kGood + "mode = \"stand_in\"\n[[ehi.endpoints.rules]]\nname = \"a\"\noutcome = \"approve\"\nif = 1\n",
            "ehi.endpoints[1].rules[1].if"},
        Row{"kept_too_long", kGood + "advice_keep = \"8d\"\n", "ehi.endpoints[1].advice_keep"},
        Row{"cutoffs_of_what_was_forgotten", kGood + "advice_keep = \"1h\"\ncutoff_url = \"https://p.example/\"\n",
            "ehi.endpoints[1].cutoff_interval"},
        Row{"two_of_one_name", kGood + "[[ehi.endpoints]]\n" + kGood, "acme"}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace countersign::ehi
