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
  EXPECT_EQ(config->find("globex"), nullptr);
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
        Row{"two_of_one_name", kGood + "[[ehi.endpoints]]\n" + kGood, "acme"}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace countersign::ehi
