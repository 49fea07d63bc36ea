// What a worker remembers of tokens, and what it looks at all the same.
#include "gateway/token/checker.h"

#include <gtest/gtest.h>

#include "testing/pki.h"
#include "testing/times.h"

namespace countersign::gateway {
namespace {

using testing::kMinute;
using testing::kPkiNow;
const std::string kIssuer = "https://auth.example";

class Quiet final : public base::LogSink {
 public:
  void write(std::string_view line) override { lines.emplace_back(line); }
  std::vector<std::string> lines;
};

class TokenCheckers : public ::testing::Test {
 protected:
  TokenCheckers() : shop_(pki_.client("acme", "shop").issue()), office_(pki_.client("acme", "office").issue()) {
    feed::Snapshot snapshot;
    snapshot.feed = "run";
    snapshot.sequence = 1;
    snapshot.facts.emplace_back(feed::RootFact{pki_.partner_root().certificate});
    snapshot.facts.emplace_back(feed::RootFact{pki_.provider_root().certificate});
    for (const trust::IssuingCa& ca : pki_.issuing_cas())
      snapshot.facts.emplace_back(ca);
    snapshot.facts.emplace_back(key_fact(kPkiNow + 100 * kMinute));
    EXPECT_TRUE(knowledge_.replace(snapshot));
    rings_.refresh();
  }
  feed::TokenKeyFact key_fact(base::Instant until) const {
    return {"k1", kIssuer, base::json::serialize(jose::Jwk::from(key_.public_key())->to_json()), until};
  }
  void learn(feed::Fact fact) {
    ASSERT_TRUE(knowledge_.apply({knowledge_.sequence() + 1, std::move(fact)}));
    rings_.refresh();
  }
  trust::AdmittedChain admitted(const testing::Issued& issued) {
    const auto registry = pki_.registry();
    const trust::Policy policy{.purposes = {trust::Purpose::transport}};
    auto chain = trust::verify_chain(issued.chain, policy, pki_.trust_set(), kPkiNow);
    return trust::admit(std::move(*chain), *registry).value();
  }
  http::Fields fields(const std::string& id) const {
    const oauth::Grant grant{kIssuer,
                             "production.acme.shop",
                             *shop_.identity,
                             {"https://api.example"},
                             *oauth::Scopes::parse("a"),
                             shop_.certificate.fingerprint(),
                             {},
                             id,
                             kPkiNow,
                             kPkiNow + 10 * kMinute};
    http::Fields made;
    made.add("authorization", "bearer  " + oauth::make_token(grant, "k1", key_).value());
    return made;
  }
  std::string check(const http::Fields& of, const trust::AdmittedChain& peer, base::Instant now = kPkiNow,
                    const oauth::Demand& demand = {}) {
    const auto checked = checker_.check(of, peer, demand, now);
    return checked ? "ok" : std::string(oauth::explanation(checked.error().reason).code);
  }

  testing::Pki pki_;
  const testing::Issued shop_;
  const testing::Issued office_;
  const crypto::PrivateKey key_ = crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256).value();
  testing::FakeClock clock_{kPkiNow};
  Quiet sink_;
  base::Log log_{{.program = "test"}, clock_, sink_};
  feed::Knowledge knowledge_;
  TokenRings rings_{knowledge_, log_};
  TokenChecker checker_{rings_};
};

TEST_F(TokenCheckers, RememberATokenAndLookAtWhatCanChange) {
  const auto shop = admitted(shop_);
  const http::Fields good = fields("t1");
  EXPECT_EQ(check(good, shop), "ok");
  EXPECT_EQ(checker_.remembered(), 1U);
  EXPECT_EQ(check(good, shop), "ok");
  EXPECT_EQ(checker_.remembered(), 1U);
  EXPECT_EQ(check(good, shop, kPkiNow, {"", *oauth::Scopes::parse("b")}), "oauth.token_scope");
  EXPECT_EQ(check(good, shop, kPkiNow, {"https://other.example", {}}), "oauth.token_audience");
  EXPECT_EQ(check(good, shop, kPkiNow + 10 * kMinute), "oauth.token_expired");
  EXPECT_EQ(check(good, admitted(office_)), "oauth.token_wrong_application");
  EXPECT_EQ(checker_.remembered(), 1U) << "a stolen token was remembered";
}

TEST_F(TokenCheckers, HearOfRevocationsAndKeysByTheFeed) {
  const auto shop = admitted(shop_);
  const http::Fields one = fields("t1");
  const http::Fields two = fields("t2");
  EXPECT_EQ(check(one, shop), "ok");
  EXPECT_EQ(check(two, shop), "ok");
  learn(feed::TokenRevocationFact{"t1", kPkiNow, kPkiNow + 10 * kMinute});
  EXPECT_EQ(check(one, shop), "oauth.token_revoked");
  EXPECT_EQ(check(two, shop), "ok");
  learn(feed::TokenCutFact{*office_.identity, kPkiNow, kPkiNow + 60 * kMinute});
  EXPECT_EQ(check(two, shop), "ok");
  learn(feed::TokenCutFact{*shop_.identity, kPkiNow, kPkiNow + 60 * kMinute});
  EXPECT_EQ(check(two, shop), "oauth.token_revoked");
  learn(key_fact(kPkiNow));
  EXPECT_EQ(check(fields("t3"), shop), "oauth.token_key_unknown");
}

TEST_F(TokenCheckers, KeepAKeyThatCannotBeReadOut) {
  learn(feed::TokenKeyFact{"k2", kIssuer, "{}", kPkiNow + kMinute});
  EXPECT_EQ(check(fields("t1"), admitted(shop_)), "ok");
  ASSERT_EQ(sink_.lines.size(), 1U);
  EXPECT_NE(sink_.lines.front().find("feed.unusable_token_key"), std::string::npos);
}

TEST_F(TokenCheckers, FindTheTokenInOneFieldAlone) {
  struct Row {
    const char* what;
    std::vector<http::Field> fields;
    const char* outcome;
  };
  for (const Row& row :
       {Row{"one", {{"Authorization", "Bearer abc"}}, "ok"},
        Row{"another case", {{"AUTHORIZATION", "bEARER abc"}}, "ok"}, Row{"none", {}, "oauth.token_missing"},
        Row{"another scheme", {{"Authorization", "Basic abc"}}, "oauth.token_missing"},
        Row{"DPoP", {{"Authorization", "DPoP abc"}}, "oauth.token_missing"},
        Row{"empty", {{"Authorization", "Bearer "}}, "oauth.token_missing"},
        Row{"two", {{"Authorization", "Bearer abc"}, {"authorization", "Bearer abc"}}, "oauth.token_malformed"},
        Row{"another field", {{"X-Access-Token", "abc"}}, "oauth.token_missing"}}) {
    http::Fields fields;
    for (const http::Field& field : row.fields)
      fields.add(field.name, field.value);
    const auto token = token_in(fields);
    EXPECT_EQ(token ? "ok" : oauth::explanation(token.error().reason).code, row.outcome) << row.what;
    if (token) {
      EXPECT_EQ(*token, "abc");
    }
  }
}

}  // namespace
}  // namespace countersign::gateway
