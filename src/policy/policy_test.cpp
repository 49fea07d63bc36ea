#include "policy/policy.h"

#include <gtest/gtest.h>

#include "policy/decision.h"
#include "policy/explain.h"

namespace countersign::policy {
namespace {

/// As docs/policy.md shows it: a payments provider and its partners.
constexpr std::string_view kPayments = R"(
[[sets]]
name = "card-partners"
members = ["production/acme/*", "production/globex/till"]

[[grants]]
name = "take-payments"
to = ["@card-partners"]
host = "api.example.com"
methods = ["GET", "POST"]
paths = ["/v1/payments", "/v1/payments/*"]

[[grants]]
name = "delete-payments"
to = ["production/acme/shop"]
host = "api.example.com"
methods = ["DELETE"]
paths = ["/v1/payments/*"]

[[grants]]
name = "pay-out"
to = ["production/acme/backoffice"]
methods = ["POST"]
paths = ["/v1/payouts"]
from = ["192.0.2.0/24"]
api_key = true

[[grants]]
name = "status-page"
to = ["production/*/*", "anonymous"]
methods = ["GET"]
paths = ["/status/**"]

[[partners]]
who = "production/initech"
from = ["198.51.100.0/24"]

[[api_keys]]
owner = "production/acme/backoffice"
digests = ["fc7f2cef3d5dbf0e5d6bd8d3d47d4b54f4a9bfb1c2b9a3ac5fd2f9c8dcc4a5d1"]
)";

PolicyPointer policy_of(std::string_view text) {
  auto policy = Policy::parse(text, "policy.toml");
  EXPECT_TRUE(policy) << (policy ? "" : policy.error().detail);
  return *policy;
}

struct Row {
  std::string name;
  std::string who;
  std::string method;
  std::string target;  ///< host, then path
  std::string from;
  std::string expected;  ///< the grant's name, or the code
};
class Payments : public ::testing::TestWithParam<Row> {};

TEST_P(Payments, IsDecidedAsItReads) {
  const Row& row = GetParam();
  const std::size_t slash = row.target.find('/');
  const std::string host = row.target.substr(0, slash);
  const std::string path = row.target.substr(slash);
  const http::Fields fields;
  const PolicyPointer policy = policy_of(kPayments);
  const Rights rights(*policy, *parse_caller(row.who));
  const Request request{Access::by_grant, false, host, row.method, path, fields};
  const Verdict verdict = judge(rights, request, net::Address::parse(row.from));
  EXPECT_EQ(verdict.refusal ? std::string(explanation(*verdict.refusal).code) : verdict.grant->name, row.expected);
  const Explained explained = explain(*parse_caller(row.who), rights, request, net::Address::parse(row.from));
  EXPECT_EQ(explained.permitted, !verdict.refusal);
  EXPECT_NE(explained.text.find(row.expected), std::string::npos) << explained.text;
}

INSTANTIATE_TEST_SUITE_P(
    Rows, Payments,
    ::testing::Values(
        Row{"shop_pays", "production/acme/shop", "POST", "api.example.com/v1/payments", "1.1.1.1", "take-payments"},
        Row{"backoffice_pays", "production/acme/backoffice", "POST", "api.example.com/v1/payments", "1.1.1.1",
            "take-payments"},
        Row{"till_pays", "production/globex/till", "POST", "api.example.com/v1/payments", "1.1.1.1", "take-payments"},
        Row{"other_of_globex", "production/globex/web", "POST", "api.example.com/v1/payments", "1.1.1.1",
            "policy.not_granted"},
        Row{"the_same_names_in_uat", "uat/acme/shop", "POST", "api.example.com/v1/payments", "1.1.1.1",
            "policy.not_granted"},
        Row{"shop_deletes", "production/acme/shop", "DELETE", "api.example.com/v1/payments/7", "1.1.1.1",
            "delete-payments"},
        Row{"backoffice_deletes", "production/acme/backoffice", "DELETE", "api.example.com/v1/payments/7", "1.1.1.1",
            "policy.not_granted"},
        Row{"shop_deletes_all", "production/acme/shop", "DELETE", "api.example.com/v1/payments", "1.1.1.1",
            "policy.not_granted"},
        Row{"other_host", "production/acme/shop", "POST", "admin.example.com/v1/payments", "1.1.1.1",
            "policy.not_granted"},
        Row{"other_method", "production/acme/shop", "PUT", "api.example.com/v1/payments", "1.1.1.1",
            "policy.not_granted"},
        Row{"head_follows_get", "production/acme/shop", "HEAD", "api.example.com/v1/payments/7", "1.1.1.1",
            "take-payments"},
        Row{"pay_out_from_elsewhere", "production/acme/backoffice", "POST", "api.example.com/v1/payouts", "192.0.3.1",
            "policy.wrong_address"},
        Row{"pay_out_without_key", "production/acme/backoffice", "POST", "api.example.com/v1/payouts", "192.0.2.1",
            "policy.api_key_missing"},
        Row{"the_right_address_admits_nobody", "production/acme/shop", "POST", "api.example.com/v1/payouts",
            "192.0.2.1", "policy.not_granted"},
        Row{"each_partner_sees_status", "production/initrode/x", "GET", "a/status/now", "1.1.1.1", "status-page"},
        Row{"anonymous_sees_status", "anonymous", "GET", "a/status", "1.1.1.1", "status-page"},
        Row{"anonymous_sees_nothing_else", "anonymous", "GET", "api.example.com/v1/payments", "1.1.1.1",
            "policy.not_granted"},
        Row{"an_organisation_at_home", "production/initech/x", "GET", "a/status", "198.51.100.3", "status-page"},
        Row{"an_organisation_elsewhere", "production/initech/x", "GET", "a/status", "198.51.101.3",
            "policy.wrong_address"}),
    [](const auto& row) { return row.param.name; });

TEST(Decision, ARouteForAnyPartnerIsForNoAnonymous) {
  const PolicyPointer policy = Policy::nothing();
  const http::Fields fields;
  const Request request{Access::any_partner, false, "a", "GET", "/", fields};
  EXPECT_FALSE(judge(Rights(*policy, *parse_caller("production/acme/shop")), request, std::nullopt).refusal);
  EXPECT_EQ(judge(Rights(*policy, Caller::anonymous()), request, std::nullopt).refusal, Reason::not_granted);
  const Request open{Access::anyone, false, "a", "GET", "/", fields};
  EXPECT_FALSE(judge(Rights(*policy, Caller::anonymous()), open, std::nullopt).refusal);
  EXPECT_FALSE(judge(Rights(*policy, *parse_caller("production/acme/shop")), open, std::nullopt).refusal);
}

TEST(Decision, NothingGrantedIsNothingLetThrough) {
  const http::Fields fields;
  const Request request{Access::by_grant, false, "a", "GET", "/", fields};
  const PolicyPointer policy = Policy::nothing();
  EXPECT_EQ(judge(Rights(*policy, *parse_caller("production/acme/shop")), request, std::nullopt).refusal,
            Reason::not_granted);
}

TEST(Terms, EachKeyIsTakenFromTheMostExactNameThatSaysIt) {
  const PolicyPointer policy = policy_of(R"(
mode = "observe"
[[partners]]
who = "production/*/*"
requests_per_second = 10
concurrent = 5
[[partners]]
who = "production/acme/*"
requests_per_second = 20
burst = 50
mode = "enforce"
[[partners]]
who = "production/acme/shop"
concurrent = 7
[[partners]]
who = "production/acme"
requests_per_second = 100
mode = "off"
from = ["10.0.0.0/8"]
)");
  const Rights shop(*policy, *parse_caller("production/acme/shop"));
  EXPECT_EQ(shop.application_limits().requests->per_second, 20U);
  EXPECT_EQ(shop.application_limits().requests->burst, 50U);
  EXPECT_EQ(shop.application_limits().concurrent, 7U);
  EXPECT_EQ(shop.organisation_limits().requests->per_second, 100U);
  EXPECT_FALSE(shop.organisation_limits().concurrent) << "what each application has is no limit of the organisation";
  EXPECT_EQ(shop.mode(), Mode::enforce) << "of acme/* before acme";
  EXPECT_EQ(shop.organisation_from().size(), 1U);
  const Rights other(*policy, *parse_caller("production/globex/till"));
  EXPECT_EQ(other.application_limits().requests->per_second, 10U);
  EXPECT_EQ(other.mode(), Mode::observe);
  EXPECT_TRUE(other.organisation_from().empty());
}

struct BadRow {
  std::string name;
  std::string text;
  std::string said;  ///< key and line
  std::string twin;  ///< good
};
class BadFiles : public ::testing::TestWithParam<BadRow> {};

TEST_P(BadFiles, NameKeyAndLine) {
  const auto policy = Policy::parse(GetParam().text, "policy.toml");
  ASSERT_FALSE(policy);
  EXPECT_NE(policy.error().detail.find(GetParam().said), std::string::npos) << policy.error().detail;
  EXPECT_TRUE(Policy::parse(GetParam().twin, "policy.toml"));
}

std::string grant(const std::string& line) {
  std::string text = "[[grants]]\nname = \"a\"\n";
  for (const std::string key : {"to = [\"uat/acme/x\"]", "methods = [\"GET\"]", "paths = [\"/a\"]"})
    if (!line.starts_with(key.substr(0, key.find(' ')))) text += key + "\n";
  return text + line + "\n";
}
std::string partner(const std::string& lines) { return "[[partners]]\nwho = \"uat/acme\"\n" + lines + "\n"; }
std::string keys(const std::string& lines) { return "[[api_keys]]\n" + lines + "\n"; }
const std::string kDigest = std::string(64, 'a');
const std::string kOther = std::string(64, 'b');

INSTANTIATE_TEST_SUITE_P(
    Rows, BadFiles,
    ::testing::Values(
        BadRow{"syntax", "[[grants]\n", "policy.toml:1:", ""},
        BadRow{"unknown_key", grant("metods = [\"GET\"]"), "'grants[1].metods' (line 6)", grant("")},
        BadRow{"unknown_table", "[grant]\n", "'grant' (line 1)", ""},
        BadRow{"unknown_mode", "mode = \"dry\"\n", "'mode' (line 1)", "mode = \"observe\"\n"},
        BadRow{"nobody", grant("to = []"), "'grants[1].to' (line 5)", grant("to = [\"anonymous\"]")},
        BadRow{"unknown_set", grant("to = [\"@x\"]"), "'grants[1].to' (line 5)",
               "[[sets]]\nname = \"x\"\nmembers = [\"uat/a/*\"]\n" + grant("to = [\"@x\"]")},
        BadRow{"organisation_in_a_grant", grant("to = [\"uat/acme\"]"), "'uat/acme/*'", grant("to = [\"uat/acme/*\"]")},
        BadRow{"the_platform_itself", grant("to = [\"internal/service/gateway\"]"), "'grants[1].to'",
               grant("to = [\"production/service/gateway\"]")},
        BadRow{"no_methods", grant("methods = []"), "'grants[1].methods' (line 5)", grant("methods = [\"*\"]")},
        BadRow{"method_in_small", grant("methods = [\"get\"]"), "'grants[1].methods'", grant("methods = [\"GET\"]")},
        BadRow{"no_paths", grant("paths = []"), "'grants[1].paths'", grant("paths = [\"/**\"]")},
        BadRow{"bad_path", grant("paths = [\"/a\", \"b\"]"), "'b' is not a path", grant("paths = [\"/a\", \"/b\"]")},
        BadRow{"bad_host", grant("host = \"A\""), "'grants[1].host' (line 6)", grant("host = \"a\"")},
        BadRow{"bad_network", grant("from = [\"10.0.0.1/8\"]"), "'grants[1].from' (line 6)",
               grant("from = [\"10.0.0.0/8\"]")},
        BadRow{"from_nowhere", grant("from = []"), "names no network", grant("from = [\"::/0\"]")},
        BadRow{"name_twice", grant("") + grant(""), "'grants[2].name' (line 8)", grant("")},
        BadRow{"grant_without_name", "[[grants]]\nto = [\"uat/a/b\"]\n", "grants[1].name", grant("")},
        BadRow{"partner_twice", partner("") + partner(""), "'partners[2].who' (line 5)", partner("")},
        BadRow{"no_requests", partner("requests_per_second = 0"), "'partners[1].requests_per_second' (line 3)",
               partner("requests_per_second = 1")},
        BadRow{"burst_alone", partner("burst = 5"), "'partners[1].burst' (line 3)",
               partner("requests_per_second = 1\nburst = 5")},
        BadRow{"negative_bytes", partner("bytes_in_per_day = -1"), "bytes_in_per_day",
               partner("bytes_in_per_day = 1_000_000")},
        BadRow{"too_many_bytes", partner("bytes_out_per_second = 100_000_000_001"), "bytes_out_per_second",
               partner("bytes_out_per_second = 100_000_000_000")},
        BadRow{"key_of_nobody", keys("owner = \"anonymous\"\ndigests = [\"" + kDigest + "\"]"), "a key alone",
               keys("owner = \"uat/a/b\"\ndigests = [\"" + kDigest + "\"]")},
        BadRow{"key_of_several", keys("owner = \"uat/a/*\"\ndigests = [\"" + kDigest + "\"]"), "'api_keys[1].owner'",
               keys("owner = \"uat/a/b\"\ndigests = [\"" + kDigest + "\"]")},
        BadRow{"key_itself", keys("owner = \"uat/a/b\"\ndigests = [\"countersign-key-x\"]"), "never the key itself",
               keys("owner = \"uat/a/b\"\ndigests = [\"" + kDigest + "\"]")},
        BadRow{"key_of_two",
               keys("owner = \"uat/a/b\"\ndigests = [\"" + kDigest + "\"]") +
                   keys("owner = \"uat/a/c\"\ndigests = [\"" + kDigest + "\"]"),
               "'api_keys[2].digests'",
               keys("owner = \"uat/a/b\"\ndigests = [\"" + kDigest + "\"]") +
                   keys("owner = \"uat/a/c\"\ndigests = [\"" + kOther + "\"]")},
        BadRow{"three_digests",
               keys("owner = \"uat/a/b\"\ndigests = [\"" + kDigest + "\", \"" + kOther + "\", \"" +
                    std::string(64, 'c') + "\"]"),
               "'api_keys[1].digests'",
               keys("owner = \"uat/a/b\"\ndigests = [\"" + kDigest + "\", \"" + kOther + "\"]")},
        BadRow{"field_with_a_meaning", "api_key_field = \"authorization\"\n", "'api_key_field' (line 1)",
               "api_key_field = \"X-Acme-Key\"\n"},
        BadRow{"field_of_a_trace", "api_key_field = \"tracestate\"\n", "'api_key_field' (line 1)",
               "api_key_field = \"X-Tracestate\"\n"},
        BadRow{"field_of_an_identity", "api_key_field = \"X-Countersign-Key\"\n", "'api_key_field' (line 1)",
               "api_key_field = \"Countersign-Key\"\n"},
        BadRow{"field_of_one_hop", "api_key_field = \"keep-alive\"\n", "'api_key_field' (line 1)",
               "api_key_field = \"Keep-Key\"\n"}),
    [](const auto& row) { return row.param.name; });

TEST(PolicyFile, AFieldIsWithheldWhereThereAreKeysUnlessToldOtherwise) {
  const std::string key = keys("owner = \"uat/a/b\"\ndigests = [\"" + kDigest + "\"]");
  EXPECT_EQ(policy_of("")->withheld_field(), "") << "an upstream's own X-Api-Key is none of our business";
  EXPECT_EQ(policy_of(key)->withheld_field(), "X-Api-Key");
  EXPECT_EQ(policy_of("api_key_field = \"X-K\"\n" + key)->withheld_field(), "X-K");
  EXPECT_EQ(policy_of("forward_api_key = true\n" + key)->withheld_field(), "");
}

}  // namespace
}  // namespace countersign::policy
