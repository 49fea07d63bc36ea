#include "signatures/content_signature.h"

#include <gtest/gtest.h>

#include "testing/pki.h"

namespace countersign::signatures {
namespace {

using base::json::object;
using crypto::PrivateKey;

constexpr std::string_view kContent = "{\"amount\":12}\n";
constexpr Freshness kFresh{.now = testing::kPkiNow};

VerificationKey known(const PrivateKey& key) { return VerificationKey::of(jose::Jwk::from(key.public_key()).value()); }

template <class T>
std::string outcome(const base::Result<T, Refusal>& result) {
  return result ? "ok" : std::string(explanation(result.error().reason).code);
}

std::string checked(const std::string& text, const VerificationKey& key, std::string_view content = kContent) {
  const auto jws = DetachedJws::parse(text);
  return jws ? outcome(jws->verify(key, content, kFresh)) : outcome(jws);
}

/// With any header at all, signed as RFC 7515 or RFC 7797 has it.
std::string made(const PrivateKey& key, const object& header, std::string_view content = kContent) {
  const std::string encoded = base::to_base64url(base::as_bytes(base::json::serialize(header)));
  const auto* b64 = header.if_contains("b64");
  const bool plain = b64 != nullptr && b64->is_bool() && !b64->get_bool();
  const std::string payload = plain ? std::string(content) : base::to_base64url(base::as_bytes(content));
  return encoded + ".." +
         base::to_base64url(sign(*jws_scheme(key.public_key().type()), key, encoded + "." + payload).value());
}

TEST(DetachedJws, EveryKindOfKeySignsAndIsChecked) {
  for (const auto kind :
       {PrivateKey::Kind::p256, PrivateKey::Kind::p384, PrivateKey::Kind::ed25519, PrivateKey::Kind::rsa2048}) {
    const PrivateKey key = PrivateKey::generate(kind).value();
    const auto jws = sign_detached_jws(key, "k1", kContent, testing::kPkiNow);
    ASSERT_TRUE(jws);
    EXPECT_EQ(DetachedJws::parse(*jws).value().keyid(), "k1");
    EXPECT_EQ(checked(*jws, known(key)), "ok");
    EXPECT_EQ(checked(*jws, known(key), "{\"amount\":13}\n"), "signature.bad_signature");
    EXPECT_EQ(checked(*jws, known(key), "{\"amount\":12}"), "signature.bad_signature");
  }
}

TEST(DetachedJws, HeaderIsReadStrictly) {
  const PrivateKey key = PrivateKey::generate(PrivateKey::Kind::p256).value();
  const std::int64_t now = testing::kPkiNow.unix_seconds();
  struct Row {
    std::string name;
    object header;
    std::string outcome;
  };
  const base::json::array crit{"b64"};
  const Row rows[] = {
      {"payload in base64url (RFC 7515)", {{"alg", "ES256"}, {"kid", "k"}}, "ok"},
      {"payload as it is (RFC 7797)", {{"alg", "ES256"}, {"kid", "k"}, {"b64", false}, {"crit", crit}}, "ok"},
      {"b64 true", {{"alg", "ES256"}, {"kid", "k"}, {"b64", true}, {"crit", crit}}, "ok"},
      {"other members", {{"alg", "ES256"}, {"kid", "k"}, {"typ", "JOSE"}, {"iat", now}}, "ok"},
      {"b64 without crit", {{"alg", "ES256"}, {"kid", "k"}, {"b64", false}}, "signature.malformed"},
      {"crit without b64", {{"alg", "ES256"}, {"kid", "k"}, {"crit", crit}}, "signature.malformed"},
      {"crit of something else",
       {{"alg", "ES256"}, {"kid", "k"}, {"b64", false}, {"exp", 1}, {"crit", base::json::array{"b64", "exp"}}},
       "signature.malformed"},
      {"empty crit",
       {{"alg", "ES256"}, {"kid", "k"}, {"b64", false}, {"crit", base::json::array{}}},
       "signature.malformed"},
      {"b64 as a text", {{"alg", "ES256"}, {"kid", "k"}, {"b64", "false"}, {"crit", crit}}, "signature.malformed"},
      {"key in the header",
       {{"alg", "ES256"}, {"kid", "k"}, {"jwk", jose::Jwk::from(key.public_key()).value().to_json()}},
       "signature.malformed"},
      {"certificate in the header",
       {{"alg", "ES256"}, {"kid", "k"}, {"x5c", base::json::array{"MII"}}},
       "signature.malformed"},
      {"address of a key", {{"alg", "ES256"}, {"kid", "k"}, {"jku", "https://a.example/"}}, "signature.malformed"},
      {"no alg", {{"kid", "k"}}, "signature.malformed"},
      {"no kid", {{"alg", "ES256"}}, "signature.malformed"},
      {"none", {{"alg", "none"}, {"kid", "k"}}, "signature.wrong_algorithm"},
      {"HMAC", {{"alg", "HS256"}, {"kid", "k"}}, "signature.wrong_algorithm"},
      {"of another key", {{"alg", "RS256"}, {"kid", "k"}}, "signature.wrong_algorithm"},
      {"made too long ago", {{"alg", "ES256"}, {"kid", "k"}, {"iat", now - 361}}, "signature.too_old"},
      {"made in the future", {{"alg", "ES256"}, {"kid", "k"}, {"iat", now + 61}}, "signature.in_the_future"},
      {"iat as a text", {{"alg", "ES256"}, {"kid", "k"}, {"iat", "1"}}, "signature.malformed"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    EXPECT_EQ(checked(made(key, row.header), known(key)), row.outcome);
  }
}

TEST(DetachedJws, IsInTwoParts) {
  const PrivateKey key = PrivateKey::generate(PrivateKey::Kind::p256).value();
  const std::string good = sign_detached_jws(key, "k", kContent, testing::kPkiNow).value();
  const std::size_t dots = good.find("..");
  EXPECT_EQ(checked(good, known(key)), "ok");
  for (const std::string& bad :
       {good.substr(0, dots), good.substr(0, dots) + "." + good.substr(dots + 2), std::string(".."), std::string(),
        good + ".", good + "=", std::string(kContentSignatureLimit + 1, 'a')})
    EXPECT_EQ(checked(bad, known(key)), "signature.malformed") << bad.substr(0, 40);
}

TEST(HeaderSignature, EveryKindOfKeySignsAndIsChecked) {
  for (const auto kind :
       {PrivateKey::Kind::p256, PrivateKey::Kind::p384, PrivateKey::Kind::ed25519, PrivateKey::Kind::rsa2048}) {
    const PrivateKey key = PrivateKey::generate(kind).value();
    const auto text = sign_header(key, "k1", kContent);
    ASSERT_TRUE(text);
    const auto signature = HeaderSignature::parse(*text);
    ASSERT_TRUE(signature);
    EXPECT_EQ(signature->keyid(), "k1");
    EXPECT_EQ(outcome(signature->verify(known(key), kContent)), "ok");
    EXPECT_EQ(outcome(signature->verify(known(key), "other")), "signature.bad_signature");
    const PrivateKey other = PrivateKey::generate(kind).value();
    EXPECT_EQ(outcome(signature->verify(known(other), kContent)), "signature.bad_signature");
  }
}

TEST(HeaderSignature, IsReadStrictly) {
  const std::pair<const char*, const char*> rows[] = {{"k=a, s=AQID", "ok"},
                                                      {"s=AQID,k=a", "ok"},
                                                      {" k=a \t,  s=AQID ", "ok"},
                                                      {"k=a=b, s=AQI=", "ok"},
                                                      {"k=a", "signature.malformed"},
                                                      {"k=a, s=", "signature.malformed"},
                                                      {"k=, s=AQID", "signature.malformed"},
                                                      {"k=a, k=b", "signature.malformed"},
                                                      {"s=AQID, s=AQID", "signature.malformed"},
                                                      {"k=a, s=AQID, x=1", "signature.malformed"},
                                                      {"k=a, s=AQI", "signature.malformed"},
                                                      {"k=a b, s=AQID", "signature.malformed"},
                                                      {"K=a, s=AQID", "signature.malformed"},
                                                      {"", "signature.malformed"}};
  for (const auto& [text, expected] : rows)
    EXPECT_EQ(outcome(HeaderSignature::parse(text)), expected) << text;
  const PrivateKey key = PrivateKey::generate(PrivateKey::Kind::p256).value();
  EXPECT_FALSE(sign_header(key, "a,b", kContent));
}

}  // namespace
}  // namespace countersign::signatures
