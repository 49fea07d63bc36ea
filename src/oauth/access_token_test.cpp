// Access tokens: taken on the connection they were got on, and each known way to use one elsewhere.
#include "oauth/access_token.h"

#include <gtest/gtest.h>

#include "jose/jws.h"
#include "testing/pki.h"
#include "testing/times.h"

namespace countersign::oauth {
namespace {

using base::json::object;
using crypto::PrivateKey;
using testing::kMinute;
using testing::kPkiNow;
const std::string kIssuer = "https://auth.example";
const std::string kApi = "https://api.example";

template <class T>
std::string outcome(const Checked<T>& checked) {
  return checked ? "ok" : std::string(explanation(checked.error().reason).code);
}

class AccessTokens : public ::testing::Test {
 protected:
  AccessTokens()
      : shop_(pki_.client("acme", "shop").issue()),
        renewed_(pki_.client("acme", "shop").issue()),
        office_(pki_.client("acme", "office").issue()) {}

  trust::AdmittedChain admitted(const testing::Issued& issued) {
    const auto registry = pki_.registry();
    const trust::Policy policy{.purposes = {trust::Purpose::transport}};
    auto chain = trust::verify_chain(issued.chain, policy, pki_.trust_set(), kPkiNow);
    return trust::admit(std::move(*chain), *registry).value();
  }
  Grant grant() const {
    return {kIssuer,
            "production.acme.shop",
            *shop_.identity,
            {kApi},
            *Scopes::parse("payments:read payments:write"),
            shop_.certificate.fingerprint(),
            {{"tenant", "t-17"}},
            "token-1",
            kPkiNow,
            kPkiNow + 10 * kMinute};
  }
  std::string token(const Grant& of) const { return make_token(of, "k1", key_).value(); }
  std::string token() const { return token(grant()); }
  /// What a grant says, with one claim changed or left out, signed by the right key.
  std::string forged(const char* name, std::optional<base::json::value> value, object header = {}) const {
    const std::string good = token();
    const auto payload = base::from_base64url(good.substr(good.find('.') + 1, good.rfind('.') - good.find('.') - 1));
    object claims = base::parse_json(base::as_text(*payload))->as_object();
    if (value) claims[name] = *value;
    else claims.erase(name);
    if (!header.contains("typ")) header["typ"] = "at+jwt";
    if (!header.contains("kid")) header["kid"] = "k1";
    return jose::sign_compact(std::move(header), base::json::serialize(claims), key_).value();
  }
  KeyRing ring(const std::vector<KeyRing::Revoked>& revoked = {}, const std::vector<KeyRing::Cut>& cuts = {}) const {
    std::vector<TokenKey> keys;
    keys.push_back({"k1", kIssuer, jose::Jwk::from(key_.public_key()).value(), kPkiNow + 100 * kMinute});
    keys.push_back({"over", kIssuer, jose::Jwk::from(key_.public_key()).value(), kPkiNow});
    return KeyRing(std::move(keys), revoked, cuts);
  }
  std::string check(const std::string& text, base::Instant now = kPkiNow) const {
    return outcome(check_token(text, ring(), now));
  }

  testing::Pki pki_;
  const testing::Issued shop_;
  const testing::Issued renewed_;
  const testing::Issued office_;
  const PrivateKey key_ = PrivateKey::generate(PrivateKey::Kind::p256).value();
};

TEST_F(AccessTokens, SayWhatWasGranted) {
  const auto checked = check_token(token(), ring(), kPkiNow);
  ASSERT_TRUE(checked) << outcome(checked);
  const Grant& read = checked->grant();
  EXPECT_EQ(read.client, "production.acme.shop");
  EXPECT_EQ(read.identity, *shop_.identity);
  EXPECT_EQ(read.audiences, std::vector<std::string>{kApi});
  EXPECT_EQ(read.scopes.text(), "payments:read payments:write");
  EXPECT_EQ(read.certificate, shop_.certificate.fingerprint());
  EXPECT_EQ(base::json::serialize(read.claims), R"({"tenant":"t-17"})");
  EXPECT_EQ(read.id, "token-1");
  EXPECT_EQ(read.expires, kPkiNow + 10 * kMinute);
}

TEST_F(AccessTokens, AreTakenFromOurKeysOnly) {
  const PrivateKey other = PrivateKey::generate(PrivateKey::Kind::p256).value();
  const PrivateKey rsa = PrivateKey::generate(PrivateKey::Kind::rsa2048).value();
  const std::string good = token();
  const std::string behind = good.substr(good.find('.'));
  const auto head = [](const char* text) { return base::to_base64url(base::as_bytes(text)); };
  struct Row {
    const char* what;
    std::string text;
    const char* outcome;
  };
  for (const Row& row : {
           Row{"as it should be", good, "ok"},
           Row{"with the whole media type", forged("x", 1, {{"typ", "application/at+jwt"}}), "ok"},
           Row{"another key under our kid", make_token(grant(), "k1", other).value(), "oauth.token_signature"},
           Row{"another key", make_token(grant(), "k2", other).value(), "oauth.token_key_unknown"},
           Row{"a key whose time is over", make_token(grant(), "over", key_).value(), "oauth.token_key_unknown"},
           Row{"kid elsewhere", forged("x", 1, {{"kid", "https://evil.example/k1"}}), "oauth.token_key_unknown"},
           Row{"RS256 under our kid", make_token(grant(), "k1", rsa).value(), "oauth.token_algorithm"},
           Row{"alg none",
               head(R"({"alg":"none","typ":"at+jwt","kid":"k1"})") + behind.substr(0, behind.rfind('.') + 1),
               "oauth.token_algorithm"},
           Row{"alg HS256", head(R"({"alg":"HS256","typ":"at+jwt","kid":"k1"})") + behind, "oauth.token_algorithm"},
           Row{"brings a key", forged("x", 1, {{"jwk", jose::Jwk::from(key_.public_key())->to_json()}}),
               "oauth.token_header"},
           Row{"says where a key is", forged("x", 1, {{"jku", "https://evil.example"}}), "oauth.token_header"},
           Row{"another kind of JWT", forged("x", 1, {{"typ", "JWT"}}), "oauth.token_type"},
           Row{"cut off", good.substr(0, good.size() - 6), "oauth.token_signature"},
           Row{"no token", "abc", "oauth.token_malformed"},
           Row{"too long", good + std::string(kTokenLimit, 'A'), "oauth.token_malformed"},
       })
    EXPECT_EQ(check(row.text), row.outcome) << row.what;
}

TEST_F(AccessTokens, AreTakenWithTheseClaimsOnly) {
  struct Row {
    const char* claim;
    std::optional<base::json::value> value;
    const char* outcome;
  };
  const std::int64_t now = kPkiNow.unix_seconds();
  for (const Row& row : {
           Row{"other", 1, "ok"},
           Row{"iss", "https://other.example", "oauth.token_issuer"},
           Row{"iss", std::nullopt, "oauth.token_issuer"},
           Row{"exp", now + 1, "ok"},
           Row{"exp", now, "oauth.token_expired"},
           Row{"exp", std::nullopt, "oauth.token_malformed"},
           Row{"iat", now + 60, "ok"},
           Row{"iat", now + 61, "oauth.token_early"},
           Row{"cnf", std::nullopt, "oauth.token_unbound"},
           Row{"cnf", object{{"jkt", "x"}}, "oauth.token_unbound"},
           Row{"cnf", object{{"x5t#S256", "short"}}, "oauth.token_unbound"},
           Row{"aud", std::nullopt, "oauth.token_malformed"},
           Row{"sub", "production.acme.office", "oauth.token_malformed"},
           Row{"client_id", "production.acme.office", "oauth.token_malformed"},
           Row{"application", "office", "oauth.token_malformed"},
           Row{"jti", std::nullopt, "oauth.token_malformed"},
           Row{"scope", "a  b", "oauth.token_malformed"},
       })
    EXPECT_EQ(check(forged(row.claim, row.value)), row.outcome)
        << row.claim << " " << (row.value ? base::json::serialize(*row.value) : "absent");
}

TEST_F(AccessTokens, EndWithTheirTimeTheirRevocationAndTheirClient) {
  const auto checked = check_token(token(), ring(), kPkiNow);
  ASSERT_TRUE(checked);
  const base::Identity office = *office_.identity;
  EXPECT_EQ(outcome(recheck(*checked, ring(), kPkiNow)), "ok");
  EXPECT_EQ(outcome(recheck(*checked, ring({{"token-2"}}), kPkiNow)), "ok");
  EXPECT_EQ(outcome(recheck(*checked, ring({{"token-1"}}), kPkiNow)), "oauth.token_revoked");
  EXPECT_EQ(outcome(recheck(*checked, ring({}, {{*shop_.identity, kPkiNow - kMinute}}), kPkiNow)), "ok");
  EXPECT_EQ(outcome(recheck(*checked, ring({}, {{*shop_.identity, kPkiNow}}), kPkiNow)), "oauth.token_revoked");
  EXPECT_EQ(outcome(recheck(*checked, ring({}, {{office, kPkiNow}}), kPkiNow)), "ok");
  EXPECT_EQ(outcome(recheck(*checked, ring(), kPkiNow + 10 * kMinute)), "oauth.token_expired");
}

TEST_F(AccessTokens, AreBoundToTheConnection) {
  const auto checked = check_token(token(), ring(), kPkiNow);
  ASSERT_TRUE(checked);
  const Demand any{};
  const Demand read{kApi, *Scopes::parse("payments:read")};
  struct Row {
    const char* what;
    const testing::Issued& peer;
    Demand demand;
    const char* outcome;
  };
  for (const Row& row : {
           Row{"the certificate it was got with", shop_, any, "ok"},
           Row{"and what it was got for", shop_, read, "ok"},
           Row{"the same application, renewed", renewed_, any, "oauth.token_wrong_certificate"},
           Row{"another application of the partner", office_, any, "oauth.token_wrong_application"},
           Row{"another resource", shop_, {"https://other.example", {}}, "oauth.token_audience"},
           Row{"a scope it lacks", shop_, {kApi, *Scopes::parse("payments:admin")}, "oauth.token_scope"},
           Row{"a scope it has and one it lacks",
               shop_,
               {"", *Scopes::parse("payments:read admin")},
               "oauth.token_scope"},
       })
    EXPECT_EQ(outcome(bind(*checked, admitted(row.peer), row.demand)), row.outcome) << row.what;
}

}  // namespace
}  // namespace countersign::oauth
