// Signed JSON: the vectors of the RFCs, round trips with every kind of key, and the attacks on JWS that are known by
// name.
#include "jose/jws.h"

#include <gtest/gtest.h>

#include "testing/code_of.h"

namespace countersign::jose {
namespace {

using base::json::object;
using crypto::PrivateKey;

constexpr const char* kPayload =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

Jwk rfc_p256() {
  return Jwk::parse(object{{"kty", "EC"},
                           {"crv", "P-256"},
                           {"x", "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"},
                           {"y", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}})
      .value();
}

PrivateKey make(PrivateKey::Kind kind) { return PrivateKey::generate(kind).value(); }

std::string flat(const object& header, std::string_view payload, std::string_view signature) {
  return base::json::serialize(object{{"protected", base::to_base64url(base::as_bytes(base::json::serialize(header)))},
                                      {"payload", base::to_base64url(base::as_bytes(payload))},
                                      {"signature", signature}});
}

TEST(Jws, VerifiesRfc7515AppendixA3) {
  const auto jws = UnverifiedJws::parse_compact(
      std::string("eyJhbGciOiJFUzI1NiJ9.") + kPayload +
      ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q");
  ASSERT_TRUE(jws);
  const auto verified = jws->verify(rfc_p256().key());
  ASSERT_TRUE(verified) << base::to_string(verified.error());
  EXPECT_TRUE(verified->payload().starts_with("{\"iss\":\"joe\""));
}

TEST(Jws, VerifiesRfc8037AppendixA4) {
  const auto key =
      Jwk::parse(object{{"kty", "OKP"}, {"crv", "Ed25519"}, {"x", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}});
  const auto jws = UnverifiedJws::parse_compact(
      "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-"
      "09PGcvMg3AIbQR6dWbhijcNR4ki4iyl"
      "Gjg5BhVsPt9g7sVvpAr_MuM0KAg");
  ASSERT_TRUE(jws);
  const auto verified = jws->verify(key->key());
  ASSERT_TRUE(verified) << base::to_string(verified.error());
  EXPECT_EQ(verified->payload(), "Example of Ed25519 signing");
}

TEST(Jws, TakesAnAlgorithmOfTheKeyThatTheCallerChoseAndNoOther) {
  const PrivateKey rsa = make(PrivateKey::Kind::rsa2048);
  const PrivateKey ec = make(PrivateKey::Kind::p256);
  const auto by = [](const PrivateKey& key, Algorithm algorithm) {
    return UnverifiedJws::parse_compact(sign_compact({}, "x", key, algorithm).value()).value();
  };
  struct Row {
    const char* what;
    UnverifiedJws jws;
    const PrivateKey& key;
    Algorithm chosen;
    const char* outcome;
  };
  for (const Row& row : {
           Row{"PS256 where it is wanted", by(rsa, Algorithm::ps256), rsa, Algorithm::ps256, "ok"},
           Row{"RS256 where it is wanted", by(rsa, Algorithm::rs256), rsa, Algorithm::rs256, "ok"},
           Row{"RS256 for PS256", by(rsa, Algorithm::rs256), rsa, Algorithm::ps256, "jws.algorithm"},
           Row{"PS256 for RS256", by(rsa, Algorithm::ps256), rsa, Algorithm::rs256, "jws.algorithm"},
           Row{"PS256 by an EC key", by(ec, Algorithm::es256), ec, Algorithm::ps256, "jws.algorithm"},
           Row{"ES256", by(ec, Algorithm::es256), ec, Algorithm::es256, "ok"},
       })
    EXPECT_EQ(testing::code_of(row.jws.verify(row.key.public_key(), row.chosen)), row.outcome) << row.what;
  EXPECT_EQ(testing::code_of(sign_compact({}, "x", ec, Algorithm::ps256)), "jws.algorithm");
  EXPECT_EQ(testing::code_of(by(rsa, Algorithm::ps256).verify(rsa.public_key())), "jws.algorithm");
  for (const Algorithm one : {Algorithm::es256, Algorithm::rs256, Algorithm::ps256, Algorithm::eddsa})
    EXPECT_EQ(parse_algorithm(name(one)), one);
  EXPECT_FALSE(parse_algorithm("none"));
}

TEST(Jws, VerifiesRfc7515AppendixA1) {
  const base::Secret secret(
      base::from_base64url("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow")
          .value());
  const auto jws = UnverifiedJws::parse_compact(std::string("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.") + kPayload +
                                                ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
  ASSERT_TRUE(jws);
  EXPECT_EQ(testing::code_of(jws->verify(secret)), "ok");
}

TEST(Jws, GoesThroughEveryKindOfKey) {
  using Kind = PrivateKey::Kind;
  for (const Kind kind : {Kind::p256, Kind::p384, Kind::ed25519, Kind::rsa2048}) {
    const auto key = make(kind);
    const auto other = make(kind);
    const auto compact = UnverifiedJws::parse_compact(sign_compact({{"typ", "x"}}, "hello", key).value());
    const auto flattened = UnverifiedJws::parse_flattened(sign_flattened({{"typ", "x"}}, "hello", key).value());
    for (const auto* jws : {&compact, &flattened}) {
      ASSERT_TRUE(*jws);
      const auto verified = (*jws)->verify(key.public_key());
      ASSERT_TRUE(verified) << base::to_string(verified.error());
      EXPECT_EQ(verified->payload(), "hello");
      EXPECT_EQ(verified->header().at("typ"), "x");
      EXPECT_EQ(testing::code_of((*jws)->verify(other.public_key())), "jws.bad_signature");
    }
  }
}

/// ECDSA numbers are now and then shorter than their place: enough signatures to meet some.
TEST(Jws, PadsShortNumbers) {
  const auto key = make(PrivateKey::Kind::p256);
  for (int i = 0; i < 600; ++i) {
    const auto jws = UnverifiedJws::parse_compact(sign_compact({}, std::to_string(i), key).value());
    ASSERT_TRUE(jws);
    ASSERT_EQ(testing::code_of(jws->verify(key.public_key())), "ok") << i;
  }
}

TEST(Jws, LetsTheKeyChooseTheAlgorithm) {
  const auto rsa = make(PrivateKey::Kind::rsa2048);
  const auto ec = make(PrivateKey::Kind::p256);
  const std::string pem = rsa.public_key().to_pem();
  // The old trick: the public key, which everybody knows, as the secret of an HMAC.
  const auto confused = UnverifiedJws::parse_flattened(sign_flattened({}, "x", base::Secret(std::string_view(pem))));
  ASSERT_TRUE(confused);
  EXPECT_EQ(testing::code_of(confused->verify(rsa.public_key())), "jws.algorithm");
  const auto good = UnverifiedJws::parse_flattened(sign_flattened({}, "x", rsa).value());
  EXPECT_EQ(testing::code_of(good->verify(rsa.public_key())), "ok");
  EXPECT_EQ(testing::code_of(good->verify(ec.public_key())), "jws.algorithm");
  EXPECT_EQ(testing::code_of(good->verify(base::Secret(std::string_view(pem)))), "jws.algorithm");
  for (const char* algorithm : {"none", "None", "", "ES384", "RS512", "PS256", "HS256"}) {
    const auto jws = UnverifiedJws::parse_flattened(flat({{"alg", algorithm}}, "x", ""));
    ASSERT_TRUE(jws);
    EXPECT_EQ(testing::code_of(jws->verify(ec.public_key())), "jws.algorithm") << algorithm;
  }
}

TEST(Jws, RefusesEveryChange) {
  const auto key = make(PrivateKey::Kind::p256);
  const std::string good = sign_compact({{"nonce", "abc"}}, "payload", key).value();
  EXPECT_EQ(testing::code_of(UnverifiedJws::parse_compact(good)->verify(key.public_key())), "ok");
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string changed = good;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    const auto jws = UnverifiedJws::parse_compact(changed);
    if (!jws) continue;
    EXPECT_FALSE(jws->verify(key.public_key())) << at;
  }
}

TEST(Jws, RefusesSignaturesOfAnotherForm) {
  const auto key = make(PrivateKey::Kind::p256);
  const object header{{"alg", "ES256"}};
  const std::string input =
      base::to_base64url(base::as_bytes(base::json::serialize(header))) + "." + base::to_base64url(base::as_bytes("x"));
  const base::Bytes der = key.sign(base::as_bytes(input)).value();
  struct Row {
    const char* name;
    base::Bytes signature;
  };
  for (const Row& row : {Row{"DER instead of two numbers", der}, Row{"nothing", {}}, Row{"zeros", base::Bytes(64, 0)},
                         Row{"63 bytes", base::Bytes(63, 1)}, Row{"96 bytes", base::Bytes(96, 1)}}) {
    const auto jws = UnverifiedJws::parse_flattened(flat(header, "x", base::to_base64url(row.signature)));
    ASSERT_TRUE(jws) << row.name;
    EXPECT_EQ(testing::code_of(jws->verify(key.public_key())), "jws.bad_signature") << row.name;
  }
}

TEST(Jws, RefusesWhatIsNone) {
  const auto key = make(PrivateKey::Kind::p256);
  const std::string good = sign_flattened({}, "x", key).value();
  const auto changed = [&](auto change) {
    object json = base::parse_json(good)->as_object();
    change(json);
    return base::json::serialize(json);
  };
  struct Row {
    const char* name;
    std::string text;
    const char* code;
  };
  const Row rows[] = {
      {"the good twin", good, "ok"},
      {"no JSON", "{", "jws.malformed"},
      {"a list", "[]", "jws.malformed"},
      {"no payload", changed([](object& o) { o.erase("payload"); }), "jws.malformed"},
      {"a payload of another type", changed([](object& o) { o["payload"] = nullptr; }), "jws.malformed"},
      {"an unprotected header", changed([](object& o) {
         o["header"] = object{{"alg", "none"}};
       }),
       "jws.unprotected"},
      {"several signatures", changed([](object& o) { o["signatures"] = base::json::array{}; }), "jws.malformed"},
      {"padding", changed([](object& o) { o["payload"] = "eA=="; }), "jws.malformed"},
      {"white space", changed([](object& o) { o["payload"] = "e A"; }), "jws.malformed"},
      {"a header that is a text", changed([](object& o) { o["protected"] = "ImFsZyI"; }), "jws.malformed"},
      {"no algorithm", flat({{"kid", "x"}}, "x", ""), "jws.malformed"},
      {"an algorithm that is a list", flat({{"alg", base::json::array{"ES256"}}}, "x", ""), "jws.malformed"},
      {"a critical extension", flat({{"alg", "ES256"}, {"crit", base::json::array{"exp"}}}, "x", ""), "jws.malformed"},
      {"a payload that is not encoded", flat({{"alg", "ES256"}, {"b64", false}}, "x", ""), "jws.malformed"},
      {"too large", std::string(kJwsLimit + 1, ' '), "jws.too_large"},
  };
  for (const Row& row : rows)
    EXPECT_EQ(testing::code_of(UnverifiedJws::parse_flattened(row.text)), row.code) << row.name;
  for (const char* text : {"", ".", "..", "e30.eA", "e30.eA.AA.AA", "bm9qc29u.eA.AA"})
    EXPECT_EQ(testing::code_of(UnverifiedJws::parse_compact(text)), "jws.malformed") << text;
}

TEST(Jws, RefusesShortSecrets) {
  const base::Secret enough(base::Bytes(32, 7));
  const base::Secret less(base::Bytes(31, 7));
  EXPECT_EQ(testing::code_of(UnverifiedJws::parse_flattened(sign_flattened({}, "x", enough))->verify(enough)), "ok");
  EXPECT_EQ(testing::code_of(UnverifiedJws::parse_flattened(sign_flattened({}, "x", less))->verify(less)),
            "jws.weak_secret");
}

}  // namespace
}  // namespace countersign::jose
