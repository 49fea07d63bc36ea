#include "policy/gate.h"

#include <thread>

#include <gtest/gtest.h>

#include "policy/api_key.h"
#include "policy/log_lines_test.h"
#include "testing/fake_clock.h"
#include "testing/seeded_random.h"

namespace countersign::policy {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

PolicyPointer policy_of(const std::string& text) {
  auto policy = Policy::parse(text, "policy.toml");
  EXPECT_TRUE(policy) << (policy ? "" : policy.error().detail);
  return *policy;
}

const std::string kGrant =
    "[[grants]]\nname = \"g\"\nto = [\"uat/acme/*\"]\nmethods = [\"GET\"]\npaths = [\"/v1/*\"]\n";

class Gates : public ::testing::Test {
 protected:
  Standing standing(const std::string& who = "uat/acme/shop") {
    return Standing(view_, *parse_caller(who), "192.0.2.1");
  }
  Request request(std::string_view path) const { return {Access::by_grant, false, "a", "GET", path, fields_}; }
  /// "yes", or the code of the refusal; what is let through is over at once.
  std::string ask(Standing& who, std::string_view path = "/v1/x", std::int64_t nanos = 0) {
    const auto permit = who.decide(request(path), {nanos + kSecond, 1'800'000'000});
    return permit ? "yes" : std::string(explanation(permit.error().reason).code);
  }
  bool metrics_say(const std::string& line) const { return gate_.metrics().find(line + "\n") != std::string::npos; }

  testing::FakeClock clock_{base::Instant::from_unix_seconds(1'800'000'000)};
  Lines lines_;
  base::Log log_{{.program = "test"}, clock_, lines_};
  http::Fields fields_;
  Gate gate_{policy_of(kGrant), log_};
  View view_{gate_};
};

TEST_F(Gates, LetThroughWhatIsGrantedAndSayWhyNot) {
  Standing shop = standing();
  EXPECT_EQ(ask(shop), "yes");
  const auto denied = shop.decide(request("/v2/x"), {kSecond, 0});
  ASSERT_FALSE(denied);
  const http::Response response = denied.error().to_response();
  EXPECT_EQ(response.status, 403);
  EXPECT_EQ(response.fields.find("Content-Type"), "application/problem+json");
  EXPECT_FALSE(response.fields.find("Retry-After"));
  for (const char* part : {"policy.not_granted", "uat/acme/shop", "GET /v2/x on a", "ask the provider"})
    EXPECT_NE(response.body.find(part), std::string::npos) << response.body;
  EXPECT_EQ(lines_.count("\"event\":\"policy.refused\""), 1U);
  EXPECT_TRUE(metrics_say("countersign_gateway_policy_permitted_total{application=\"uat/acme/shop\"} 1"));
  EXPECT_TRUE(metrics_say(
      "countersign_gateway_policy_refused_total{application=\"uat/acme/shop\",code=\"policy.not_granted\"} 1"));
}

TEST_F(Gates, APermitIsUnderWayUntilItEnds) {
  gate_.replace(policy_of(kGrant + "[[partners]]\nwho = \"uat/acme/*\"\nconcurrent = 1\n"));
  Standing shop = standing();
  Standing backoffice = standing("uat/acme/backoffice");
  {
    auto held = shop.decide(request("/v1/x"), {kSecond, 0});
    ASSERT_TRUE(held);
    const Permit moved = std::move(*held);
    EXPECT_EQ(ask(shop), "policy.too_many_at_once");
    EXPECT_EQ(ask(backoffice), "yes") << "each application has its own";
    EXPECT_TRUE(metrics_say("countersign_gateway_policy_live_requests{application=\"uat/acme/shop\"} 1"));
  }
  EXPECT_EQ(ask(shop), "yes");
  EXPECT_TRUE(metrics_say("countersign_gateway_policy_live_requests{application=\"uat/acme/shop\"} 0"));
}

TEST_F(Gates, AnOrganisationIsLimitedAsAWhole) {
  gate_.replace(policy_of(kGrant + "[[partners]]\nwho = \"uat/acme\"\nconcurrent = 1\n"
                                   "[[partners]]\nwho = \"uat/acme/shop\"\nrequests_per_second = 1\n"));
  Standing shop = standing();
  Standing backoffice = standing("uat/acme/backoffice");
  {
    const auto held = backoffice.decide(request("/v1/x"), {kSecond, 0});
    ASSERT_TRUE(held);
    EXPECT_EQ(ask(shop), "policy.too_many_at_once");
  }
  EXPECT_EQ(ask(shop), "yes") << "what the organisation refused did not cost the application its rate";
  EXPECT_EQ(ask(shop), "policy.too_fast");
}

TEST_F(Gates, TooFastIs429WithTheTimeToWaitAndRecordedEverMoreRarely) {
  gate_.replace(policy_of(kGrant + "[[partners]]\nwho = \"uat/acme/*\"\nrequests_per_second = 1\n"));
  Standing shop = standing();
  EXPECT_EQ(ask(shop), "yes");
  const auto denied = shop.decide(request("/v1/x"), {kSecond + kSecond / 4, 0});
  ASSERT_FALSE(denied);
  const http::Response response = denied.error().to_response();
  EXPECT_EQ(response.status, 429);
  EXPECT_EQ(response.fields.find("Retry-After"), "1");
  for (int i = 1; i < 100; ++i)
    EXPECT_EQ(ask(shop), "policy.too_fast");
  EXPECT_EQ(lines_.count("policy.too_fast"), 7U) << "1, 2, 4, 8, 16, 32, 64";
  EXPECT_EQ(ask(shop, "/v1/x", kSecond), "yes");
}

TEST_F(Gates, LimitsAndWhatWasUsedSurviveAReload) {
  const std::string day = "[[partners]]\nwho = \"uat/acme/shop\"\nbytes_out_per_day = 1000\n";
  gate_.replace(policy_of(kGrant + day));
  Standing shop = standing();
  {
    auto permit = shop.decide(request("/v1/x"), {kSecond, 1'800'000'000});
    ASSERT_TRUE(permit);
    permit->sent(1000);
  }
  EXPECT_EQ(ask(shop), "policy.day_used_up");
  gate_.replace(policy_of(kGrant + day + "# another text\n"));
  EXPECT_EQ(ask(shop), "policy.day_used_up") << "the live connection";
  Standing another = standing();
  EXPECT_EQ(ask(another), "policy.day_used_up") << "a new connection";
}

TEST_F(Gates, TheNextRequestOfALiveConnectionIsDecidedByTheNewPolicy) {
  Standing shop = standing();
  const auto under_way = shop.decide(request("/v1/x"), {kSecond, 0});
  EXPECT_TRUE(under_way);
  gate_.replace(policy_of(""));
  EXPECT_EQ(ask(shop), "policy.not_granted");
  EXPECT_TRUE(under_way) << "and the one under way keeps its permit";
  gate_.replace(policy_of(kGrant));
  EXPECT_EQ(ask(shop), "yes");
  EXPECT_TRUE(metrics_say("countersign_gateway_policy_generation 3"));
}

TEST_F(Gates, AnIdleConnectionKeepsNoOldPolicyAlive) {
  std::weak_ptr<const Policy> first = gate_.policy();
  Standing idle = standing();
  Standing busy = standing();
  EXPECT_EQ(ask(idle), "yes");
  {
    const auto under_way = busy.decide(request("/v1/x"), {kSecond, 0});
    gate_.replace(policy_of(kGrant + "# the next\n"));
    EXPECT_EQ(ask(busy), "yes");
    EXPECT_FALSE(first.expired()) << "a request under way ends by the policy that permitted it";
  }
  EXPECT_TRUE(first.expired());
  EXPECT_EQ(ask(idle), "yes");
}

TEST_F(Gates, ObserveLetsThroughRecordsAndCounts) {
  gate_.replace(policy_of("mode = \"observe\"\n" + kGrant + "[[partners]]\nwho = \"uat/acme/*\"\nconcurrent = 1\n"));
  Standing shop = standing();
  EXPECT_EQ(ask(shop, "/v2/x"), "yes");
  EXPECT_EQ(lines_.count("\"event\":\"policy.would_refuse\""), 1U);
  EXPECT_EQ(ask(shop, "/v1/x"), "yes");
  EXPECT_EQ(lines_.count("policy.would_refuse"), 1U);
  const auto held = shop.decide(request("/v1/x"), {kSecond, 0});
  EXPECT_EQ(ask(shop, "/v1/x"), "yes");
  EXPECT_TRUE(
      metrics_say("countersign_gateway_policy_would_refuse_total{application=\"uat/acme/shop\",code=\"policy."
                  "too_many_at_once\"} 1"));
  EXPECT_EQ(lines_.count("policy.refused"), 0U);
}

TEST_F(Gates, AModeIsThatOfThePartnerAlone) {
  gate_.replace(policy_of(kGrant + "[[partners]]\nwho = \"uat/acme/shop\"\nmode = \"off\"\n"));
  Standing shop = standing();
  Standing backoffice = standing("uat/acme/backoffice");
  EXPECT_EQ(ask(shop, "/v2/x"), "yes");
  EXPECT_EQ(lines_.count("policy.would_refuse"), 0U) << "off asks nothing";
  EXPECT_EQ(ask(backoffice, "/v2/x"), "policy.not_granted");
}

/// Every presentation of a key against an application with two digests, another one's, and one without.
struct KeyRow {
  std::string name;
  std::string who;
  int key;  ///< 0 none, 1 and 2 those of shop, 3 that of backoffice, 4 nobody's
  std::string expected;
};
class Keys : public Gates, public ::testing::WithParamInterface<KeyRow> {
 protected:
  static NewApiKey key(int number) {
    testing::SeededRandom random(static_cast<std::uint64_t>(number));
    return *make_api_key(random);
  }
  void SetUp() override {
    gate_.replace(policy_of(
        kGrant + "api_key = true\n[[api_keys]]\nowner = \"uat/acme/shop\"\ndigests = [\"" + key(1).digest + "\", \"" +
        key(2).digest + "\"]\n[[api_keys]]\nowner = \"uat/acme/backoffice\"\ndigests = [\"" + key(3).digest + "\"]\n"));
  }
};

TEST_P(Keys, AreGoodForTheirOwnApplicationOnly) {
  if (GetParam().key != 0) fields_.add("x-api-key", std::string(key(GetParam().key).key.reveal_text()));
  Standing who = standing(GetParam().who);
  EXPECT_EQ(ask(who), GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, Keys,
    ::testing::Values(KeyRow{"own", "uat/acme/shop", 1, "yes"}, KeyRow{"own_next", "uat/acme/shop", 2, "yes"},
                      KeyRow{"none", "uat/acme/shop", 0, "policy.api_key_missing"},
                      KeyRow{"of_another", "uat/acme/shop", 3, "policy.api_key_refused"},
                      KeyRow{"of_nobody", "uat/acme/shop", 4, "policy.api_key_refused"},
                      KeyRow{"the_others_own", "uat/acme/backoffice", 3, "yes"},
                      KeyRow{"stolen_by_another", "uat/acme/backoffice", 1, "policy.api_key_refused"},
                      KeyRow{"without_any", "uat/acme/web", 1, "policy.api_key_refused"},
                      KeyRow{"not_granted_at_all", "uat/globex/shop", 1, "policy.not_granted"},
                      KeyRow{"without_a_certificate", "anonymous", 1, "policy.not_granted"}),
    [](const auto& row) { return row.param.name; });

TEST_F(Keys, TheAnswersForUnknownAndForeignKeysDoNotDiffer) {
  const auto answer = [&](int number) {
    http::Fields fields;
    fields.add("X-Api-Key", std::string(key(number).key.reveal_text()));
    Standing shop = standing();
    const Request asked{Access::by_grant, false, "a", "GET", "/v1/x", fields};
    return shop.decide(asked, {kSecond, 0}).error().to_response().body;
  };
  EXPECT_EQ(answer(3), answer(4));
}

TEST_F(Keys, AreKeptFromTheUpstreamAndOutOfTheLog) {
  const std::string text(key(1).key.reveal_text());
  fields_.add("X-Api-Key", text);
  Standing shop = standing();
  const auto permit = shop.decide(request("/v1/x"), {kSecond, 0});
  ASSERT_TRUE(permit);
  EXPECT_TRUE(permit->withholds("x_api_KEY"));
  EXPECT_FALSE(permit->withholds("Authorization"));
  EXPECT_EQ(ask(shop, "/v2/x"), "policy.not_granted");
  EXPECT_EQ(lines_.count(text), 0U);
}

TEST_F(Keys, ARouteMayDemandOneWhateverGrantsSay) {
  gate_.replace(policy_of(""));
  Standing shop = standing();
  const Request open{Access::any_partner, false, "a", "GET", "/", fields_};
  const Request closed{Access::any_partner, true, "a", "GET", "/", fields_};
  EXPECT_TRUE(shop.decide(open, {kSecond, 0}));
  EXPECT_FALSE(shop.decide(closed, {kSecond, 0}));
}

/// Policies change while many threads ask: an answer is always that of one policy or the other.
TEST_F(Gates, AreReplacedUnderLoad) {
  constexpr int kReplacements = 300;
  std::atomic<bool> done{false};
  std::atomic<std::uint64_t> wrong{0};
  std::atomic<std::uint64_t> asked{0};
  const auto work = [&](const std::string& path, const std::string& expected) {
    View view(gate_);
    Standing who(view, *parse_caller("uat/acme/shop"), "192.0.2.1");
    while (!done || asked == 0) {
      const auto permit = who.decide({Access::by_grant, false, "a", "GET", path, fields_}, {kSecond, 0});
      const bool good = permit ? expected == "yes" : explanation(permit.error().reason).code == expected;
      wrong += good ? 0U : 1U;
      ++asked;
    }
  };
  std::thread granted_always([&] { work("/v1/x", "yes"); });
  std::thread granted_always_too([&] { work("/v1/y", "yes"); });
  for (int i = 0; i < kReplacements; ++i)
    gate_.replace(policy_of(kGrant + "# " + std::to_string(i) + "\n"));
  done = true;
  granted_always.join();
  granted_always_too.join();
  EXPECT_EQ(wrong, 0U);
  EXPECT_TRUE(metrics_say("countersign_gateway_policy_live_requests{application=\"uat/acme/shop\"} 0"));
}

}  // namespace
}  // namespace countersign::policy
