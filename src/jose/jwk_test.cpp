// Keys as JSON: the vectors of the RFCs, and every way a key can be wrong beside the one that is right.
#include "jose/jwk.h"

#include <gtest/gtest.h>

#include "crypto/private_key.h"
#include "testing/code_of.h"

namespace countersign::jose {
namespace {

using base::json::object;

constexpr const char* kRsaModulus =
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhM"
    "stn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5"
    "hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-"
    "kEgU8awapJzKnqDKgw";
constexpr const char* kEdX = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
constexpr const char* kP256X = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
constexpr const char* kP256Y = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";

object ec_key() { return {{"kty", "EC"}, {"crv", "P-256"}, {"x", kP256X}, {"y", kP256Y}}; }
object rsa_key() { return {{"kty", "RSA"}, {"n", kRsaModulus}, {"e", "AQAB"}}; }
object ed_key() { return {{"kty", "OKP"}, {"crv", "Ed25519"}, {"x", kEdX}}; }

object with(object key, const char* member, base::json::value value) {
  key[member] = std::move(value);
  return key;
}
object without(object key, const char* member) {
  key.erase(member);
  return key;
}

TEST(Jwk, HasTheThumbprintsOfTheRfcs) {
  struct Row {
    const char* name;
    object key;
    const char* thumbprint;
  };
  const Row rows[] = {
      {"RFC 7638 section 3.1", with(with(rsa_key(), "alg", "RS256"), "kid", "2011-04-29"),
       "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"},
      {"RFC 8037 appendix A.3", ed_key(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"},
  };
  for (const Row& row : rows) {
    const auto key = Jwk::parse(row.key);
    ASSERT_TRUE(key) << row.name << base::to_string(key.error());
    EXPECT_EQ(key->thumbprint(), row.thumbprint) << row.name;
  }
}

TEST(Jwk, SurvivesTheWayThroughAKey) {
  using Kind = crypto::PrivateKey::Kind;
  for (const Kind kind : {Kind::p256, Kind::p384, Kind::ed25519, Kind::rsa2048, Kind::rsa3072}) {
    const auto key = crypto::PrivateKey::generate(kind).value().public_key();
    const auto jwk = Jwk::from(key);
    ASSERT_TRUE(jwk);
    const auto again = Jwk::parse(jwk->to_json());
    ASSERT_TRUE(again) << base::to_string(again.error());
    EXPECT_EQ(again->key().to_spki(), key.to_spki());
    EXPECT_EQ(again->thumbprint(), jwk->thumbprint());
    EXPECT_EQ(again->algorithm(), *algorithm_of(key.type()));
  }
}

TEST(Jwk, RefusesWhatIsNoGoodKey) {
  const std::string small = base::to_base64url(base::Bytes(128, 0xc1));
  struct Row {
    const char* name;
    base::json::value key;
    const char* code;
  };
  const Row rows[] = {
      {"the good EC key", ec_key(), "ok"},
      {"the good RSA key", rsa_key(), "ok"},
      {"the good Ed25519 key", ed_key(), "ok"},
      {"for signatures, it says", with(ec_key(), "use", "sig"), "ok"},
      {"for encryption, it says", with(ec_key(), "use", "enc"), "jwk.malformed"},
      {"with its algorithm", with(ec_key(), "alg", "ES256"), "ok"},
      {"with another's algorithm", with(ec_key(), "alg", "ES384"), "jwk.malformed"},
      {"an RSA key that says HS256", with(rsa_key(), "alg", "HS256"), "jwk.malformed"},
      {"no object", "key", "jwk.malformed"},
      {"no type", without(ec_key(), "kty"), "jwk.malformed"},
      {"a type of another kind", with(ec_key(), "kty", 1), "jwk.malformed"},
      {"a secret", object{{"kty", "oct"}, {"k", "AAAA"}}, "jwk.private"},
      {"a secret without itself", object{{"kty", "oct"}}, "jwk.unsupported"},
      {"the private key of EC", with(ec_key(), "d", "AAAA"), "jwk.private"},
      {"the private key of RSA", with(rsa_key(), "p", "AAAA"), "jwk.private"},
      {"a curve nobody takes", with(ec_key(), "crv", "P-521"), "jwk.unsupported"},
      {"X25519", with(ed_key(), "crv", "X25519"), "jwk.unsupported"},
      {"no y", without(ec_key(), "y"), "jwk.malformed"},
      {"a point off the curve", with(ec_key(), "y", kP256X), "key.malformed"},
      {"a coordinate too short", with(ec_key(), "x", "AAAA"), "jwk.malformed"},
      {"coordinates of the other curve", with(ec_key(), "crv", "P-384"), "jwk.malformed"},
      {"padding", with(ec_key(), "x", (std::string(kP256X) + "=").c_str()), "jwk.malformed"},
      {"stray bits", with(ed_key(), "x", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURp"), "jwk.malformed"},
      {"a modulus with leading zeros", with(rsa_key(), "n", "AAAA"), "jwk.malformed"},
      {"an empty exponent", with(rsa_key(), "e", ""), "jwk.malformed"},
      {"an exponent of 3", with(rsa_key(), "e", "Aw"), "key.weak"},
      {"RSA of 1024 bits", with(rsa_key(), "n", small.c_str()), "key.weak"},
      {"RSA of 4104 bits", with(rsa_key(), "n", base::to_base64url(base::Bytes(513, 0xff)).c_str()), "jwk.malformed"},
  };
  for (const Row& row : rows)
    EXPECT_EQ(testing::code_of(Jwk::parse(row.key)), row.code) << row.name;
}

}  // namespace
}  // namespace countersign::jose
