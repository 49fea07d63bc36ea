// Client assertions: what RFC 7523 demands, and each known way around it, beside a twin that is taken.
#include "oauth/assertion.h"

#include <gtest/gtest.h>

#include "jose/jws.h"

namespace countersign::oauth {
namespace {

using base::json::object;
using crypto::PrivateKey;
using jose::Algorithm;

constexpr base::Instant kNow = base::Instant::from_unix_seconds(1'781'524'800);
const std::string kClient = "production.acme.payments";
const std::string kIssuer = "https://auth.example";

PrivateKey make(PrivateKey::Kind kind) { return PrivateKey::generate(kind).value(); }

ClientKey known(const PrivateKey& key, ClientKey::Use use = ClientKey::Use::signing) {
  jose::Jwk jwk = jose::Jwk::from(key.public_key()).value();
  const std::string x5t = "x5t-of-" + jwk.thumbprint();
  return {std::move(jwk), x5t, use};
}

std::string thumbprint(const PrivateKey& key) { return jose::Jwk::from(key.public_key())->thumbprint(); }

std::int64_t at(int seconds) { return kNow.unix_seconds() + seconds; }

object good() {
  return {{"iss", kClient}, {"sub", kClient}, {"aud", kIssuer}, {"jti", "id-1"}, {"iat", at(0)}, {"exp", at(60)}};
}
template <class Value>
object with(const char* name, const Value& value) {
  object claims = good();
  claims[name] = value;
  return claims;
}
object without(const char* name) {
  object claims = good();
  claims.erase(name);
  return claims;
}

/// "ok", or the code of the refusal.
std::string outcome(const Checked<VerifiedAssertion>& checked) {
  return checked ? "ok" : std::string(explanation(checked.error().reason).code);
}

class Assertions : public ::testing::Test {
 protected:
  std::string check(const std::string& text) const {
    return outcome(verify_assertion(text, {known(signing), known(transport, ClientKey::Use::transport)}, rules, kNow));
  }
  std::string signed_by(const PrivateKey& key, const object& claims, object header = {}) const {
    if (!header.contains("kid")) header["kid"] = thumbprint(key);
    return jose::sign_compact(std::move(header), base::json::serialize(claims), key).value();
  }
  const PrivateKey signing = make(PrivateKey::Kind::p256);
  const PrivateKey transport = make(PrivateKey::Kind::p256);
  const PrivateKey strange = make(PrivateKey::Kind::p256);
  AssertionRules rules{.client = kClient, .audiences = {kIssuer, kIssuer + "/oauth2/token"}};
};

TEST_F(Assertions, AreTakenWithTheseClaimsAndNoOthers) {
  struct Row {
    const char* what;
    object claims;
    const char* outcome;
  };
  for (const Row& row : {
           Row{"as it should be", good(), "ok"},
           Row{"for the token endpoint", with("aud", kIssuer + "/oauth2/token"), "ok"},
           Row{"a list of one", with("aud", base::json::array{base::json::string(kIssuer.c_str())}), "ok"},
           Row{"for us and others", with("aud", base::json::array{base::json::string(kIssuer.c_str()), "https://x"}),
               "oauth.assertion_audience"},
           Row{"for others", with("aud", "https://elsewhere.example"), "oauth.assertion_audience"},
           Row{"for nobody", without("aud"), "oauth.assertion_audience"},
           Row{"of another issuer", with("iss", "production.acme.other"), "oauth.assertion_subject"},
           Row{"of another subject", with("sub", "production.globex.till"), "oauth.assertion_subject"},
           Row{"without subject", without("sub"), "oauth.assertion_subject"},
           Row{"expired within the skew", with("exp", at(-59)), "ok"},
           Row{"expired", with("exp", at(-60)), "oauth.assertion_expired"},
           Row{"without end", without("exp"), "oauth.assertion_malformed"},
           Row{"as long as it may be", with("exp", at(300)), "ok"},
           Row{"too long", with("exp", at(361)), "oauth.assertion_too_long"},
           Row{"old, but too long from its start", [] {
                 object claims = with("exp", at(200));
                 claims["iat"] = at(-200);
                 return claims;
               }(), "oauth.assertion_too_long"},
           Row{"without start", without("iat"), "ok"},
           Row{"started within the skew", with("iat", at(60)), "ok"},
           Row{"from the future", with("iat", at(61)), "oauth.assertion_early"},
           Row{"not yet", with("nbf", at(61)), "oauth.assertion_early"},
           Row{"with a fraction of a second", with("exp", static_cast<double>(at(60)) + 0.5), "ok"},
           Row{"end as a text", with("exp", "soon"), "oauth.assertion_malformed"},
           Row{"end before 1970", with("exp", -1), "oauth.assertion_malformed"},
           Row{"end beyond all bounds", with("exp", 1e300), "oauth.assertion_malformed"},
           Row{"without id", without("jti"), "oauth.assertion_without_id"},
           Row{"with an empty id", with("jti", ""), "oauth.assertion_without_id"},
           Row{"with a long id", with("jti", std::string(257, 'x')), "oauth.assertion_without_id"},
           Row{"id as a number", with("jti", 7), "oauth.assertion_malformed"},
       })
    EXPECT_EQ(check(signed_by(signing, row.claims)), row.outcome) << row.what;
}

TEST_F(Assertions, AreForATextAloneWhereFapiSaysSo) {
  const auto list = with("aud", base::json::array{base::json::string(kIssuer.c_str())});
  EXPECT_EQ(check(signed_by(signing, list)), "ok");
  rules.audience_form = AssertionRules::AudienceForm::text;
  EXPECT_EQ(check(signed_by(signing, list)), "oauth.assertion_audience");
  EXPECT_EQ(check(signed_by(signing, good())), "ok");
}

TEST_F(Assertions, AreOnlyOfASigningKeyOfTheApplication) {
  struct Row {
    const char* what;
    std::string text;
    const char* outcome;
  };
  const std::string x5t = known(signing).x5t_s256;
  const std::string es256 = signed_by(signing, good());
  const std::string header = es256.substr(0, es256.find('.'));
  const std::string behind = es256.substr(es256.find('.'));
  const auto head = [](const char* text) { return base::to_base64url(base::as_bytes(text)); };
  for (const Row& row : {
           Row{"as it should be", es256, "ok"},
           Row{"kid is the certificate", signed_by(signing, good(), {{"kid", x5t}}), "ok"},
           Row{"certificate named besides", signed_by(signing, good(), {{"x5t#S256", x5t}}), "ok"},
           Row{"no kid", jose::sign_compact({}, base::json::serialize(good()), signing).value(), "ok"},
           Row{"another certificate named", signed_by(signing, good(), {{"x5t#S256", "other"}}),
               "oauth.assertion_key_unknown"},
           Row{"a transport key", signed_by(transport, good()), "oauth.assertion_key_not_signing"},
           Row{"a transport key without kid", jose::sign_compact({}, base::json::serialize(good()), transport).value(),
               "oauth.assertion_key_not_signing"},
           Row{"a transport key under the signing kid", signed_by(transport, good(), {{"kid", thumbprint(signing)}}),
               "oauth.assertion_signature"},
           Row{"a strange key", signed_by(strange, good()), "oauth.assertion_key_unknown"},
           Row{"a strange key under the signing kid", signed_by(strange, good(), {{"kid", thumbprint(signing)}}),
               "oauth.assertion_signature"},
           Row{"kid is a path", signed_by(signing, good(), {{"kid", "../../etc/passwd"}}),
               "oauth.assertion_key_unknown"},
           Row{"kid is a URL", signed_by(signing, good(), {{"kid", "https://evil.example/jwks"}}),
               "oauth.assertion_key_unknown"},
           Row{"brings its key",
               signed_by(strange, good(), {{"jwk", jose::Jwk::from(strange.public_key())->to_json()}}),
               "oauth.assertion_header"},
           Row{"brings the right key",
               signed_by(signing, good(), {{"jwk", jose::Jwk::from(signing.public_key())->to_json()}}),
               "oauth.assertion_header"},
           Row{"says where its key is", signed_by(strange, good(), {{"jku", "https://evil.example/jwks"}}),
               "oauth.assertion_header"},
           Row{"x5u", signed_by(strange, good(), {{"x5u", "https://evil.example/c"}}), "oauth.assertion_header"},
           Row{"x5c", signed_by(strange, good(), {{"x5c", base::json::array{}}}), "oauth.assertion_header"},
           Row{"alg none", head(R"({"alg":"none"})") + behind.substr(0, behind.rfind('.')) + ".",
               "oauth.assertion_algorithm"},
           Row{"alg None with a signature", head(R"({"alg":"None"})") + behind, "oauth.assertion_algorithm"},
           Row{"alg HS256", head(R"({"alg":"HS256"})") + behind, "oauth.assertion_algorithm"},
           Row{"alg RS256 over an EC key", head(R"({"alg":"RS256"})") + behind, "oauth.assertion_algorithm"},
           Row{"critical extension", head(R"({"alg":"ES256","crit":["exp"],"exp":1})") + behind,
               "oauth.assertion_malformed"},
           Row{"no signature", es256.substr(0, es256.rfind('.') + 1), "oauth.assertion_signature"},
           Row{"two parts", es256.substr(0, es256.rfind('.')), "oauth.assertion_malformed"},
           Row{"nothing", "", "oauth.assertion_malformed"},
           Row{"too long", es256 + std::string(kAssertionLimit, 'A'), "oauth.assertion_malformed"},
           Row{"payload changed", header + "." + head("{}") + es256.substr(es256.rfind('.')),
               "oauth.assertion_signature"},
       })
    EXPECT_EQ(check(row.text), row.outcome) << row.what;
}

TEST_F(Assertions, AreSignedByTheAlgorithmsThatAreTaken) {
  struct Row {
    PrivateKey::Kind kind;
    Algorithm algorithm;
    const char* general;
    const char* fapi2;
  };
  const std::vector<Algorithm> fapi2{Algorithm::ps256, Algorithm::es256, Algorithm::eddsa};
  for (const Row& row : {Row{PrivateKey::Kind::p256, Algorithm::es256, "ok", "ok"},
                         Row{PrivateKey::Kind::ed25519, Algorithm::eddsa, "ok", "ok"},
                         Row{PrivateKey::Kind::rsa2048, Algorithm::ps256, "ok", "ok"},
                         Row{PrivateKey::Kind::rsa2048, Algorithm::rs256, "ok", "oauth.assertion_algorithm"},
                         Row{PrivateKey::Kind::p384, Algorithm::es384, "ok", "oauth.assertion_algorithm"}}) {
    const PrivateKey key = make(row.kind);
    const AssertionOrder order{.client = kClient, .audience = kIssuer, .id = "x", .issued = kNow};
    const std::string text = make_assertion(order, key, row.algorithm).value();
    const std::string name(jose::name(row.algorithm));
    EXPECT_EQ(outcome(verify_assertion(text, {known(key)}, rules, kNow)), row.general) << name;
    AssertionRules strict = rules;
    strict.algorithms = fapi2;
    EXPECT_EQ(outcome(verify_assertion(text, {known(key)}, strict, kNow)), row.fapi2) << name;
  }
}

TEST_F(Assertions, SayHowLongTheyMustBeRemembered) {
  const auto checked = verify_assertion(signed_by(signing, with("exp", at(120))), {known(signing)}, rules, kNow);
  ASSERT_TRUE(checked);
  EXPECT_EQ(checked->id(), "id-1");
  EXPECT_EQ(checked->forgettable(), base::Instant::from_unix_seconds(at(120)) + kClockSkew);
  EXPECT_EQ(checked->kid(), thumbprint(signing));
}

}  // namespace
}  // namespace countersign::oauth
