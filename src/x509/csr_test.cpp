#include "x509/csr.h"

#include <gtest/gtest.h>
#include <openssl/err.h>

#include "crypto/pem.h"
#include "crypto/strength.h"
#include "testing/ca.h"
#include "testing/code_of.h"
#include "x509/der.h"

namespace countersign::x509 {
namespace {

using crypto::PrivateKey;
using testing::code_of;

constexpr const char* kLabel = "CERTIFICATE REQUEST";

std::string good_pem() {
  return Csr::make_pem(PrivateKey::generate(PrivateKey::Kind::p256).value(), {"payments", "acme", ""}).value();
}

base::Bytes to_der(const std::string& pem) { return crypto::pem_blocks(pem, {kLabel}).value().front(); }
std::string text(const base::Bytes& bytes) { return std::string(base::as_text(bytes)); }

std::string changed(base::Bytes der, std::size_t from_end) {
  der[der.size() - from_end] ^= 1U;
  return text(der);
}

/// The request with one letter of its subject changed.
std::string other_subject(base::Bytes der) {
  std::string bytes = text(der);
  bytes[bytes.find("payments")] = 'q';
  return bytes;
}

std::string with_trailing_byte(base::Bytes der) {
  der.push_back(0);
  return text(der);
}

TEST(Csr, ParseRows) {
  const std::string pem = good_pem();
  const base::Bytes der = to_der(pem);
  const std::string windows = crypto::to_pem("NEW CERTIFICATE REQUEST", der);
  const struct {
    const char* name;
    std::string input;
    const char* code;
  } rows[] = {
      {"PEM", pem, "ok"},
      {"DER", text(der), "ok"},
      {"PEM of Windows and keytool", windows, "ok"},
      {"words around the PEM", "Certificate Request:\n" + pem + "\n", "ok"},
      {"PEM with Windows line ends",
       [&] {
         std::string crlf;
         for (const char c : pem)
           crlf += c == '\n' ? std::string("\r\n") : std::string(1, c);
         return crlf;
       }(),
       "ok"},
      {"signature changed", changed(der, 1), "csr.bad_proof"},
      {"subject changed after signing", other_subject(der), "csr.bad_proof"},
      {"empty", "", "csr.malformed"},
      {"words", "give me a certificate", "csr.malformed"},
      {"truncated DER", text(der).substr(0, der.size() / 2), "csr.malformed"},
      {"truncated PEM", pem.substr(0, pem.size() / 2), "csr.malformed"},
      {"bytes behind", with_trailing_byte(der), "csr.malformed"},
      {"two requests", pem + pem, "csr.malformed"},
      {"another kind of PEM", crypto::to_pem("CERTIFICATE", der), "csr.malformed"},
      {"64 KiB and one byte", std::string(kCsrLimit + 1, 'A'), "csr.too_large"},
      {"10 MB", std::string(10'000'000, 'A'), "csr.too_large"},
      {"10 MB of PEM", "-----BEGIN CERTIFICATE REQUEST-----\n" + std::string(10'000'000, 'A'), "csr.too_large"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    EXPECT_EQ(code_of(Csr::parse(row.input)), row.code);
    EXPECT_EQ(ERR_peek_error(), 0U);
  }
}

TEST(Csr, EveryTruncationIsRefused) {
  const std::string der = text(to_der(good_pem()));
  for (std::size_t length = 0; length < der.size(); ++length)
    ASSERT_EQ(code_of(Csr::parse(der.substr(0, length))), "csr.malformed") << length;
}

TEST(Csr, EveryChangedByteIsRefused) {
  const base::Bytes der = to_der(good_pem());
  for (std::size_t from_end = 1; from_end <= der.size(); ++from_end)
    ASSERT_FALSE(Csr::parse(changed(der, from_end))) << from_end;
}

TEST(Csr, GivesTheKeyOfItsMaker) {
  for (const char* kind : {"p256", "p384", "ed25519", "rsa2048"}) {
    SCOPED_TRACE(kind);
    const PrivateKey key = PrivateKey::generate(PrivateKey::parse_kind(kind).value()).value();
    const auto csr = Csr::parse(Csr::make_pem(key, {"payments", "acme", ""}).value());
    ASSERT_TRUE(csr);
    EXPECT_EQ(csr->public_key().to_spki(), key.public_key().to_spki());
    EXPECT_TRUE(crypto::check_strength(csr->public_key(), crypto::KeyPolicy::certify));
  }
}

TEST(Csr, WeakKeyPassesTheProofButNotTheGate) {
  const auto csr = Csr::parse(Csr::make_pem(testing::make_weak_key(), {"payments", "", ""}).value());
  ASSERT_TRUE(csr);
  EXPECT_EQ(code_of(crypto::check_strength(csr->public_key(), crypto::KeyPolicy::certify)), "key.weak");
}

TEST(Csr, SubjectHintRows) {
  const PrivateKey key = PrivateKey::generate(PrivateKey::Kind::p256).value();
  const struct {
    const char* name;
    SubjectName hint;
    const char* code;
  } rows[] = {
      {"a name", {"payments", "acme", "uat"}, "ok"},
      {"nothing at all", {"", "", ""}, "ok"},
      {"letters of any script", {"Zahlungen für Müller", "", ""}, "ok"},
      {"64 characters", {std::string(64, 'a'), "", ""}, "ok"},
      {"65 characters", {std::string(65, 'a'), "", ""}, "name.invalid"},
      {"a newline", {"pay\nments", "", ""}, "name.invalid"},
      {"a NUL", {std::string("pay\0ments", 9), "", ""}, "name.invalid"},
      {"not UTF-8", {"pay\xff", "", ""}, "name.invalid"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    EXPECT_EQ(code_of(Csr::make_pem(key, row.hint)), row.code);
  }
}

/// A key that only signs elsewhere makes the same request.
TEST(Csr, IsSignedByAKeyOutOfReach) {
  for (const auto kind :
       {PrivateKey::Kind::p256, PrivateKey::Kind::p384, PrivateKey::Kind::ed25519, PrivateKey::Kind::rsa2048}) {
    const auto key = PrivateKey::generate(kind).value();
    const auto sign = [&](base::BytesView message) { return key.sign(message); };
    const auto csr = Csr::parse(Csr::make_pem(key.public_key(), sign, {"A CA", "Example", ""}).value());
    ASSERT_TRUE(csr) << base::to_string(csr.error());
    EXPECT_EQ(csr->public_key().to_spki(), key.public_key().to_spki());
    const auto other = PrivateKey::generate(kind).value();
    const auto forged = [&](base::BytesView message) { return other.sign(message); };
    EXPECT_EQ(code_of(Csr::parse(Csr::make_pem(key.public_key(), forged, {"A CA", "Example", ""}).value())),
              "csr.bad_proof");
  }
}

/// A request put together by hand around a key, so that each part can be another one, signed all the same.
struct Forged {
  base::Bytes version = base::from_hex("020100").value();
  base::Bytes subject = base::from_hex("3000").value();
  base::Bytes attributes = base::from_hex("a000").value();
  base::Bytes algorithm = base::from_hex("300a06082a8648ce3d040302").value();  // ecdsa-with-SHA256
  base::Bytes behind_info = {};

  std::string write(const PrivateKey& key) const {
    const base::Bytes info =
        der::element(der::kSequence, {version, subject, key.public_key().to_spki(), attributes, behind_info});
    base::Bytes signature;
    der::append_bits(signature, key.sign(info).value());
    return text(der::element(der::kSequence, {info, algorithm, signature}));
  }
};

TEST(Csr, ShortWayTakesNothingElseThanTheLongOne) {
  const PrivateKey key = PrivateKey::generate(PrivateKey::Kind::p256).value();
  const auto hex = [](const char* digits) { return base::from_hex(digits).value(); };
  struct Row {
    const char* name;
    Forged forged;
    const char* code;
  };
  const Row rows[] = {
      {"good", {}, "ok"},
      {"with a subject", {.subject = hex("300c310a300806035504030c0178")}, "ok"},
      {"no attributes, as some write it", {.attributes = {}}, "ok"},
      {"attributes that are no elements", {.attributes = hex("a0020500")}, "csr.malformed"},
      {"subject that is cut off", {.subject = hex("3003310a30")}, "csr.malformed"},
      {"another algorithm named", {.algorithm = hex("300a06082a8648ce3d040303")}, "csr.bad_proof"},
      {"something behind the attributes", {.behind_info = hex("0500")}, "csr.malformed"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    const auto csr = Csr::parse(row.forged.write(key));
    EXPECT_EQ(code_of(csr), row.code);
    if (csr) {
      EXPECT_EQ(csr->public_key().to_spki(), key.public_key().to_spki());
    }
    EXPECT_EQ(ERR_peek_error(), 0U);
  }
}

}  // namespace
}  // namespace countersign::x509
