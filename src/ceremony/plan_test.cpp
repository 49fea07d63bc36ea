// The file that a ceremony is held by: each mistake is named with its key and what to write.
#include "ceremony/plan.h"

#include <gtest/gtest.h>

#include "testing/code_of.h"

namespace countersign::ceremony {
namespace {

using testing::code_of;

constexpr const char* kHead = R"(
[ceremony]
title = "The second generation"
at = "2026-11-26T10:00:00Z"
witnesses = ["Ada", "Grace"]
state = "roots"
out = "out"
)";
constexpr const char* kRoot = R"(
[[roots]]
name = "partner-root"
common_name = "Example Partner Root CA"
organisation = "Example"
life = "7300d"
)";
constexpr const char* kCertify = R"(
[[certify]]
name = "uat-transport-2"
root = "partner-root"
request = "uat-transport-2.csr"
spki_sha256 = "00000000000000000000000000000000000000000000000000000000000000ff"
common_name = "Example UAT Transport Issuing CA G2"
organisation = "Example"
life = "3650d"
crl = "http://pki.example/crl/partner-root-0.crl"
)";
constexpr const char* kCrl = R"(
[[crls]]
root = "partner-root"
life = "90d"
url = "http://pki.example/crl/partner-root-0.crl"
[[crls.withdrawn]]
serial = "0AB3"
reason = "ca_compromise"
at = "2026-11-25T10:00:00Z"
)";

std::string all() { return std::string(kHead) + kRoot + kCertify + kCrl; }

/// The file with one piece exchanged.
std::string with(const std::string& what, const std::string& by) {
  std::string text = all();
  const std::size_t at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return text.replace(at, what.size(), by);
}

TEST(Plan, SaysAllThatIsToBeDone) {
  const auto plan = Plan::parse(all(), "/ceremony/second.toml");
  ASSERT_TRUE(plan) << base::to_string(plan.error());
  EXPECT_EQ(plan->state, "/ceremony/roots");
  EXPECT_EQ(plan->roots.at(0).path_length, 1);
  EXPECT_EQ(plan->certify.at(0).request, "/ceremony/uat-transport-2.csr");
  EXPECT_EQ(plan->certify.at(0).path_length, 0);
  EXPECT_EQ(plan->crls.at(0).withdrawn.at(0).serial, "0ab3");
}

TEST(Plan, NamesEachMistake) {
  struct Row {
    const char* name;
    std::string text;
    const char* code;
    const char* names;  ///< what the words must name
  };
  const Row rows[] = {
      {"good", all(), "ok", ""},
      {"nothing to do", kHead, "ceremony.plan", "roots"},
      {"no title", with("title = \"The second generation\"\n", ""), "config.missing", "ceremony.title"},
      {"nobody present", with("witnesses = [\"Ada\", \"Grace\"]\n", ""), "ceremony.plan", "ceremony.witnesses"},
      {"no folder", with("state = \"roots\"\n", ""), "ceremony.plan", "ceremony.state"},
      {"no moment", with("2026-11-26T10:00:00Z", "next week"), "ceremony.plan", "ceremony.at"},
      {"unknown key", with("life = \"90d\"", "life = \"90d\"\nlifetime = \"1d\""), "config.unknown_key",
       "crls[1].lifetime"},
      {"unknown section", all() + "[sign]\n", "config.unknown_key", "sign"},
      {"not TOML", with("life = \"90d\"", "life = 90d"), "config.syntax", ":"},
      {"a name that leaves the folder", with("uat-transport-2\"", "../uat\""), "ceremony.plan", "certify[1].name"},
      {"a life of nothing", with("life = \"3650d\"", "life = \"0d\""), "ceremony.plan", "certify[1].life"},
      {"a life too long", with("life = \"3650d\"", "life = \"9000d\""), "ceremony.plan", "certify[1].life"},
      {"no key named", with("spki_sha256 = \"00000000000000000000000000000000000000000000000000000000000000ff\"\n", ""),
       "ceremony.plan", "certify[1].spki_sha256"},
      {"half a digest", with("0000ff", "ff"), "ceremony.plan", "certify[1].spki_sha256"},
      {"a CRL over TLS", with("crl = \"http:", "crl = \"https:"), "ceremony.plan", "certify[1].crl"},
      {"no such reason", with("ca_compromise", "bad"), "ceremony.plan", "reason"},
      {"no serial", with("0AB3", "xyz"), "ceremony.plan", "serial"},
      {"a root twice", with("[[certify]]", std::string(kRoot) + "[[certify]]"), "ceremony.plan", "roots.name"},
      {"neither request nor certificate", with("request = \"uat-transport-2.csr\"\n", ""), "ceremony.plan",
       "certify[1].request"},
      {"a kind of key that nobody makes", with("life = \"7300d\"", "life = \"7300d\"\nkey = \"dsa\""),
       "key.unknown_kind", "dsa"},
      {"half a token", std::string(kHead) + kRoot + "[keys]\ntoken_label = \"x\"\n", "ceremony.plan",
       "keys.token_module"},
  };
  for (const Row& row : rows) {
    const auto plan = Plan::parse(row.text, "/ceremony/second.toml");
    EXPECT_EQ(code_of(plan), row.code) << row.name;
    const std::string said = plan ? "" : plan.error().detail;
    EXPECT_NE(said.find(row.names), std::string::npos) << row.name << ": " << said;
  }
}

}  // namespace
}  // namespace countersign::ceremony
