#include "x509/pkcs12.h"

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/pkcs12.h>

#include "base/files.h"
#include "testing/code_of.h"
#include "testing/folder.h"
#include "testing/pki.h"

namespace countersign::x509 {
namespace {

using testing::code_of;
using testing::Pki;

/// As any other program opens it: the certificates inside, or nothing.
std::vector<Certificate> open(const base::Bytes& der, const char* passphrase, crypto::PublicKey* key) {
  const std::uint8_t* at = der.data();
  const crypto::Handle<PKCS12, PKCS12_free> file(d2i_PKCS12(nullptr, &at, static_cast<long>(der.size())));
  EVP_PKEY* native_key = nullptr;
  X509* leaf = nullptr;
  STACK_OF(X509)* others = nullptr;
  std::vector<Certificate> found;
  if (PKCS12_parse(file.get(), passphrase, &native_key, &leaf, &others) == 1) {
    *key = crypto::PublicKey::from_native(native_key);
    found.push_back(Certificate::from_native(leaf));
    for (int i = 0; i < sk_X509_num(others); ++i)
      found.push_back(Certificate::from_native(sk_X509_value(others, i)));
  }
  EVP_PKEY_free(native_key);
  X509_free(leaf);
  sk_X509_pop_free(others, X509_free);
  ERR_clear_error();
  return found;
}

TEST(Pkcs12, OpensWithItsPassphraseOnly) {
  Pki pki;
  const auto issued = pki.client().issue();
  const std::vector<Certificate> issuers(issued.chain.begin() + 1, issued.chain.end());
  const auto file = to_pkcs12({issued.key, issued.certificate, issuers, "acme payments"}, base::Secret("open sesame"));
  ASSERT_TRUE(file);
  crypto::PublicKey key = crypto::PublicKey::from_native(nullptr);
  EXPECT_EQ(open(*file, "open sesame", &key), issued.chain);
  EXPECT_EQ(key.to_spki(), issued.key.public_key().to_spki());
  EXPECT_TRUE(open(*file, "open barley", &key).empty());
}

TEST(Pkcs12, IsReadByTheOpensslCommandWithModernAlgorithms) {
  Pki pki;
  const auto issued = pki.client().issue();
  const auto file = to_pkcs12({issued.key, issued.certificate, {}, "acme"}, base::Secret("sesame")).value();
  const testing::Folder folder;
  const std::string path = (folder / "a.p12").string();
  const std::string out = (folder / "out").string();
  ASSERT_TRUE(base::write_file(path, base::as_text(file), base::FileMode::owner_only));
  const std::string command = "openssl pkcs12 -info -nokeys -passin pass:sesame -in " + path + " >" + out + " 2>&1";
  ASSERT_EQ(std::system(command.c_str()), 0);
  const std::string told = base::read_file(out).value();
  EXPECT_NE(told.find("MAC: sha256, Iteration 100000"), std::string::npos) << told;
  EXPECT_NE(told.find("PBES2, PBKDF2, AES-256-CBC, Iteration 100000, PRF hmacWithSHA256"), std::string::npos) << told;
  EXPECT_NE(told.find("friendlyName: acme"), std::string::npos) << told;
}

TEST(Truststore, IsReadByOpensslAndByJava) {
  Pki pki;
  const std::vector<Certificate> trusted{pki.provider_root().certificate, pki.ehi().issue().chain.at(1)};
  const auto file = to_truststore(trusted, base::Secret("changeit"));
  ASSERT_TRUE(file) << file.error().detail;
  EXPECT_EQ(code_of(to_truststore(trusted, base::Secret(""))), "pkcs12.build");
  EXPECT_EQ(ERR_peek_error(), 0U);
  const testing::Folder folder;
  const std::string path = (folder / "trust.p12").string();
  const std::string out = (folder / "out").string();
  ASSERT_TRUE(base::write_file(path, base::as_text(*file), base::FileMode::owner_only));
  const auto told_by = [&](const std::string& command) {
    EXPECT_EQ(std::system((command + " >" + out + " 2>&1").c_str()), 0) << command;
    return base::read_file(out).value();
  };
  const std::string pem = told_by("openssl pkcs12 -nokeys -passin pass:changeit -in " + path);
  EXPECT_EQ(Certificate::all_from_pem(pem).value(), trusted);
  if (std::system("command -v keytool >/dev/null") != 0) GTEST_SKIP() << "no keytool here";
  const std::string entries = told_by("keytool -list -storetype PKCS12 -storepass changeit -keystore " + path);
  EXPECT_NE(entries.find("contains 2 entries"), std::string::npos) << entries;
  EXPECT_NE(entries.find("trustedCertEntry"), std::string::npos) << entries;
}

TEST(Pkcs12, RefusalRows) {
  Pki pki;
  const auto issued = pki.client().issue();
  const auto other = pki.client().issue();
  const struct {
    const char* name;
    const crypto::PrivateKey& key;
    std::string passphrase;
    const char* code;
  } rows[] = {{"good", issued.key, "sesame", "ok"},
              {"empty passphrase", issued.key, "", "pkcs12.build"},
              {"NUL in the passphrase", issued.key, std::string("a\0b", 3), "pkcs12.build"},
              {"key of another certificate", other.key, "sesame", "pkcs12.build"}};
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    EXPECT_EQ(code_of(to_pkcs12({row.key, issued.certificate, {}, "acme"}, base::Secret(row.passphrase))), row.code);
    EXPECT_EQ(ERR_peek_error(), 0U);
  }
}

}  // namespace
}  // namespace countersign::x509
