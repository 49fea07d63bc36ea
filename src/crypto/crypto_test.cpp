#include <algorithm>

#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "crypto/digest.h"
#include "crypto/handle.h"
#include "crypto/mac.h"
#include "crypto/openssl_error.h"
#include "crypto/pem.h"
#include "crypto/private_key.h"
#include "crypto/public_key.h"
#include "crypto/random.h"

namespace countersign::crypto {
namespace {

using BigNumber = Handle<BIGNUM, BN_free>;

PublicKey made(PrivateKey::Kind kind) { return PrivateKey::generate(kind).value().public_key(); }

TEST(PublicKey, PointOffTheCurveIsNoKey) {
  base::Bytes spki = made(PrivateKey::Kind::p256).to_spki();
  ASSERT_TRUE(PublicKey::from_spki(spki));
  spki.back() ^= 1U;
  const auto key = PublicKey::from_spki(spki);
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().code, "key.malformed");
}

/// P-256 is read by a shorter way: to the same key, and to nothing that libcrypto would not take.
TEST(PublicKey, PlainP256IsReadAsLibcryptoReadsIt) {
  const PrivateKey key = PrivateKey::generate(PrivateKey::Kind::p256).value();
  const base::Bytes spki = key.public_key().to_spki();
  EXPECT_TRUE(PublicKey::is_plain_p256(spki));
  const PublicKey read = PublicKey::from_spki(spki).value();
  EXPECT_EQ(read.type(), KeyType::ec_p256);
  EXPECT_EQ(read.bits(), 256);
  EXPECT_TRUE(read.verify(base::as_bytes("x"), key.sign(base::as_bytes("x")).value()));
  unsigned char* written = nullptr;
  const int length = i2d_PUBKEY(read.native(), &written);
  EXPECT_EQ(base::Bytes(written, written + length), spki);
  OPENSSL_free(written);
  const unsigned char* at = spki.data();
  EVP_PKEY* slowly = d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size()));
  EXPECT_EQ(EVP_PKEY_eq(slowly, read.native()), 1);
  EVP_PKEY_free(slowly);
  for (const std::size_t place : {std::size_t{10}, std::size_t{26}, spki.size() - 1}) {
    base::Bytes other = spki;
    other[place] ^= 1U;  // another algorithm, another form, a point off the curve
    EXPECT_FALSE(PublicKey::from_spki(other)) << place;
  }
  EXPECT_FALSE(PublicKey::is_plain_p256(PrivateKey::generate(PrivateKey::Kind::p384)->public_key().to_spki()));
}

TEST(PublicKey, RefusesBytesBehindTheKey) {
  base::Bytes spki = made(PrivateKey::Kind::p256).to_spki();
  spki.push_back(0);
  EXPECT_EQ(PublicKey::from_spki(spki).error().code, "key.malformed");
}

TEST(PublicKey, SpeaksOfItself) {
  const PublicKey rsa = made(PrivateKey::Kind::rsa2048);
  EXPECT_EQ(rsa.type(), KeyType::rsa);
  EXPECT_EQ(rsa.bits(), 2048);
  EXPECT_EQ(rsa.rsa_exponent(), 65537U);
  const PublicKey ec = made(PrivateKey::Kind::p384);
  EXPECT_EQ(ec.type(), KeyType::ec_p384);
  EXPECT_EQ(ec.bits(), 384);
  EXPECT_EQ(ec.rsa_exponent(), 0U);
  EXPECT_EQ(ec.spki_sha256(), sha256(ec.to_spki()));
  EXPECT_TRUE(ec.to_pem().starts_with("-----BEGIN PUBLIC KEY-----\n"));
}

TEST(PrivateKey, SignsWhatItsPublicKeyVerifies) {
  const base::Bytes message = base::to_bytes(base::as_bytes("countersign"));
  base::Bytes other = message;
  other.front() ^= 1U;
  for (const char* kind : {"p256", "p384", "ed25519", "rsa2048"}) {
    SCOPED_TRACE(kind);
    const PrivateKey key = PrivateKey::generate(PrivateKey::parse_kind(kind).value()).value();
    base::Bytes signature = key.sign(message).value();
    EXPECT_TRUE(key.public_key().verify(message, signature));
    EXPECT_FALSE(key.public_key().verify(other, signature));
    EXPECT_FALSE(made(PrivateKey::Kind::p256).verify(message, signature));
    signature.pop_back();
    EXPECT_FALSE(key.public_key().verify(message, signature));
    EXPECT_EQ(ERR_peek_error(), 0U);
  }
}

TEST(PrivateKey, UnknownKindIsNamed) {
  const auto kind = PrivateKey::parse_kind("dsa");
  ASSERT_FALSE(kind);
  EXPECT_EQ(kind.error().code, "key.unknown_kind");
}

/// Whether the parameters of scrypt in PKCS#8 (RFC 7914, section 7.1) are N 2^14, r 8, p 1, after the salt.
bool is_stretched(const std::string& pem) {
  std::string body = pem.substr(pem.find('\n') + 1);
  body.erase(body.find("-----END"));
  std::erase(body, '\n');
  std::string der(body.size(), '\0');
  EVP_DecodeBlock(reinterpret_cast<unsigned char*>(der.data()), reinterpret_cast<const unsigned char*>(body.data()),
                  static_cast<int>(body.size()));
  return der.find(std::string("\x02\x02\x40\x00\x02\x01\x08\x02\x01\x01", 10)) != std::string::npos;
}

TEST(PrivateKey, EncryptedPemOpensOnlyWithItsPassphrase) {
  const PrivateKey key = PrivateKey::generate(PrivateKey::Kind::p256).value();
  const std::string pem = key.to_encrypted_pem(base::Secret("correct horse")).value();
  EXPECT_TRUE(pem.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
  EXPECT_TRUE(is_stretched(pem)) << pem;
  const auto opened = PrivateKey::from_pem(pem, base::Secret("correct horse"));
  ASSERT_TRUE(opened) << opened.error().detail;
  EXPECT_EQ(opened->public_key().to_spki(), key.public_key().to_spki());
  for (const char* wrong : {"wrong horse", ""}) {
    SCOPED_TRACE(wrong);
    const auto refused = PrivateKey::from_pem(pem, base::Secret(wrong));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, "key.passphrase");
  }
  EXPECT_EQ(ERR_peek_error(), 0U);
  EXPECT_EQ(key.to_encrypted_pem(base::Secret()).error().code, "key.passphrase");
}

TEST(PrivateKey, PlainPemIgnoresThePassphrase) {
  const PrivateKey key = PrivateKey::generate(PrivateKey::Kind::rsa2048).value();
  const base::Secret pem = key.to_pem().value();
  EXPECT_TRUE(pem.reveal_text().starts_with("-----BEGIN PRIVATE KEY-----\n"));
  EXPECT_TRUE(PrivateKey::from_pem(pem.reveal_text(), base::Secret()));
  EXPECT_TRUE(PrivateKey::from_pem(pem.reveal_text(), base::Secret("not needed")));
}

TEST(PrivateKey, PassesOverTheParametersThatOpensslEcparamWrites) {
  const PrivateKey key = PrivateKey::generate(PrivateKey::Kind::p256).value();
  const base::Bytes p256_oid = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
  const std::string pem = to_pem("EC PARAMETERS", p256_oid) + std::string(key.to_pem().value().reveal_text());
  const auto read = PrivateKey::from_pem(pem, base::Secret());
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_EQ(read->public_key().to_spki(), key.public_key().to_spki());
}

TEST(PrivateKey, RefusesWhatIsNoKey) {
  const std::string pem(PrivateKey::generate(PrivateKey::Kind::p256).value().to_pem().value().reveal_text());
  const struct {
    const char* name;
    std::string text;
  } rows[] = {{"empty", ""},
              {"words", "this is no key"},
              {"cut off", pem.substr(0, pem.size() / 2)},
              {"a public key", made(PrivateKey::Kind::p256).to_pem()},
              {"too large", std::string(100'000, 'A')}};
  ASSERT_TRUE(PrivateKey::from_pem(pem, base::Secret()));
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    const auto key = PrivateKey::from_pem(row.text, base::Secret());
    ASSERT_FALSE(key);
    EXPECT_EQ(key.error().code, "key.malformed");
    EXPECT_EQ(ERR_peek_error(), 0U);
  }
}

TEST(PrivateKey, ItsPublicKeyHoldsNoPrivateHalf) {
  const PrivateKey key = PrivateKey::generate(PrivateKey::Kind::p256).value();
  BIGNUM* raw = nullptr;
  EXPECT_EQ(EVP_PKEY_get_bn_param(key.public_key().native(), OSSL_PKEY_PARAM_PRIV_KEY, &raw), 0);
  EXPECT_EQ(EVP_PKEY_get_bn_param(key.native(), OSSL_PKEY_PARAM_PRIV_KEY, &raw), 1);
  const BigNumber owner(raw);
  drop_openssl_errors();
}

TEST(Sha256, KnownAnswerInOneAndInParts) {
  // FIPS 180-4, example of "abc".
  constexpr const char* kExpected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  EXPECT_EQ(base::to_hex(sha256(base::as_bytes("abc"))), kExpected);
  EXPECT_EQ(base::to_hex(sha256({base::as_bytes("a"), base::as_bytes(""), base::as_bytes("bc")})), kExpected);
}

TEST(SystemRandom, FillsEverythingAndDiffers) {
  SystemRandom random;
  std::array<std::uint8_t, 32> first{};
  std::array<std::uint8_t, 32> second{};
  ASSERT_TRUE(random.fill(first));
  ASSERT_TRUE(random.fill(second));
  EXPECT_NE(first, second);
}

TEST(Pem, RoundTripAndSkipping) {
  const base::Bytes der(200, 0x5a);
  const std::string text = "words\n" + to_pem("OTHER", der) + "more\r\n" + to_pem("THING", der) + to_pem("THING", der);
  EXPECT_TRUE(is_pem(text));
  EXPECT_FALSE(is_pem("words"));
  const auto blocks = pem_blocks(text, {"THING"});
  ASSERT_TRUE(blocks);
  EXPECT_EQ(*blocks, (std::vector<base::Bytes>{der, der}));
}

TEST(Pem, RefusesBrokenBlocks) {
  const std::string good = to_pem("THING", base::Bytes(20, 1));
  std::string star = good;
  star[star.find('\n') + 2] = '*';
  const struct {
    const char* name;
    std::string text;
  } rows[] = {{"no end", good.substr(0, good.find("-----END"))},
              {"other end", good.substr(0, good.find("-----END")) + "-----END OTHER-----\n"},
              {"not base64", star}};
  ASSERT_TRUE(pem_blocks(good, {"THING"}));
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    const auto blocks = pem_blocks(row.text, {"THING"});
    ASSERT_FALSE(blocks);
    EXPECT_EQ(blocks.error().code, "pem.malformed");
  }
}

TEST(OpensslError, DrainsTheQueue) {
  EXPECT_FALSE(PublicKey::from_spki(base::as_bytes("nothing")));
  EXPECT_EQ(ERR_peek_error(), 0U);
  EXPECT_EQ(take_openssl_errors(), "no reason given");
}

TEST(Mac, IsThatOfTheStandard) {
  // RFC 4231 section 4.3, test case 2.
  EXPECT_EQ(base::to_hex(hmac_sha256(base::as_bytes("Jefe"), base::as_bytes("what do ya want for nothing?"))),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

}  // namespace
}  // namespace countersign::crypto
