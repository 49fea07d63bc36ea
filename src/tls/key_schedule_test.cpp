// The key schedule of TLS 1.3: RFC 8448's numbers, and beside OpenSSL's own in whatever libssl may ask for.
#include "tls/key_schedule.h"

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "base/bytes.h"
#include "tls/library.h"

namespace countersign::tls {
namespace {

/// One derivation, as libssl asks for it.
struct Asked {
  int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
  std::string digest = "SHA2-256";
  std::optional<base::Bytes> key = base::Bytes(32, 7);
  std::optional<base::Bytes> salt = {};
  std::string prefix = "tls13 ";
  std::string label = "c hs traffic";
  std::optional<base::Bytes> context = base::Bytes(32, 9);
  std::size_t size = 32;
};

/// Nothing where it was refused.
std::optional<base::Bytes> derive(OSSL_LIB_CTX* library, Asked asked) {
  const std::unique_ptr<EVP_KDF, decltype(&EVP_KDF_free)> kdf(EVP_KDF_fetch(library, "TLS13-KDF", nullptr),
                                                              EVP_KDF_free);
  const std::unique_ptr<EVP_KDF_CTX, decltype(&EVP_KDF_CTX_free)> context(EVP_KDF_CTX_new(kdf.get()), EVP_KDF_CTX_free);
  std::vector<OSSL_PARAM> parameters;
  const auto add = [&](const char* name, base::Bytes& value) {
    parameters.push_back(OSSL_PARAM_construct_octet_string(name, value.data(), value.size()));
  };
  parameters.push_back(OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &asked.mode));
  if (!asked.digest.empty())
    parameters.push_back(OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, asked.digest.data(), 0));
  if (asked.key) add(OSSL_KDF_PARAM_KEY, *asked.key);
  if (asked.salt) add(OSSL_KDF_PARAM_SALT, *asked.salt);
  parameters.push_back(
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PREFIX, asked.prefix.data(), asked.prefix.size()));
  parameters.push_back(OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_LABEL, asked.label.data(), asked.label.size()));
  if (asked.context) add(OSSL_KDF_PARAM_DATA, *asked.context);
  parameters.push_back(OSSL_PARAM_construct_end());
  base::Bytes out(asked.size, 0xee);
  if (EVP_KDF_derive(context.get(), out.data(), out.size(), parameters.data()) != 1) return std::nullopt;
  return out;
}

class KeySchedule : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!own_->is_own()) GTEST_SKIP() << "the process's library is used here as it is";
  }
  std::optional<base::Bytes> ours(Asked asked) const { return derive(own_->native(), std::move(asked)); }

  std::shared_ptr<const Library> own_ = Library::make().value();
};

/// RFC 8448 section 3: early, derived and handshake secret.
TEST_F(KeySchedule, GivesTheNumbersOfTheRfc) {
  const Asked early{.mode = EVP_KDF_HKDF_MODE_EXTRACT_ONLY, .key = {}, .label = "derived", .context = {}};
  const auto early_secret = ours(early);
  ASSERT_TRUE(early_secret);
  EXPECT_EQ(base::to_hex(*early_secret), "33ad0a1c607ec03b09e6cd9893680ce210adf300aa1f2660e1b22e10f170f92a");
  Asked handshake = early;
  handshake.salt = early_secret;
  handshake.key = base::from_hex("8bd4054fb55b9d63fdfbacf9f04b9f0d35e6d63f537563efd46272900f89492d").value();
  const auto handshake_secret = ours(handshake);
  ASSERT_TRUE(handshake_secret);
  EXPECT_EQ(base::to_hex(*handshake_secret), "1dc826e93606aa6fdc0aadc12f741b01046aa6b99f691ed221a9f0ca043fbeac");
}

struct Row {
  std::string name;
  std::function<void(Asked&)> change;
};

class BesideOpenSsl : public KeySchedule, public ::testing::WithParamInterface<Row> {};

TEST_P(BesideOpenSsl, DerivesTheSame) {
  for (const auto& [digest, size] : {std::pair("SHA2-256", std::size_t{32}), std::pair("SHA2-384", std::size_t{48})}) {
    Asked asked{.digest = digest, .key = base::Bytes(size, 7), .context = base::Bytes(size, 9)};
    asked.size = size;
    GetParam().change(asked);
    const auto expected = derive(nullptr, asked);
    ASSERT_TRUE(expected);
    EXPECT_EQ(ours(asked), expected) << digest;
  }
}

void extract(Asked& asked) {
  asked.mode = EVP_KDF_HKDF_MODE_EXTRACT_ONLY;
  asked.label = "derived";
  asked.context.reset();
}

void extract_salted(Asked& asked) {
  extract(asked);
  asked.salt = base::Bytes(asked.size, 5);
}

INSTANTIATE_TEST_SUITE_P(Rows, BesideOpenSsl,
                         ::testing::Values(Row{"a_secret", [](Asked&) {}},
                                           Row{"a_key",
                                               [](Asked& a) {
                                                 a.label = "key";
                                                 a.context.reset();
                                                 a.size = 16;
                                               }},
                                           Row{"an_iv",
                                               [](Asked& a) {
                                                 a.label = "iv";
                                                 a.context.reset();
                                                 a.size = 12;
                                               }},
                                           Row{"a_ticket", [](Asked& a) { a.context = base::Bytes(8, 0); }},
                                           Row{"one_byte", [](Asked& a) { a.size = 1; }},
                                           Row{"just_over_a_digest", [](Asked& a) { a.size += 1; }},
                                           Row{"exported_keying_material", [](Asked& a) { a.size = 1000; }},
                                           Row{"an_empty_label", [](Asked& a) { a.label.clear(); }},
                                           Row{"the_longest_context",
                                               [](Asked& a) { a.context = base::Bytes(255, 3); }},
                                           Row{"the_longest_label", [](Asked& a) { a.label = std::string(249, 'l'); }},
                                           Row{"of_a_session", extract},
                                           Row{"of_a_secret_that_is_long",
                                               [](Asked& a) {
                                                 extract(a);
                                                 a.key = base::Bytes(500, 4);
                                               }},
                                           Row{"of_nothing",
                                               [](Asked& a) {
                                                 extract(a);
                                                 a.key.reset();
                                               }},
                                           Row{"of_a_key_exchange", extract_salted},
                                           Row{"the_master_secret",
                                               [](Asked& a) {
                                                 extract_salted(a);
                                                 a.key.reset();
                                               }}),
                         [](const auto& row) { return row.param.name; });

class NotOfTls13 : public KeySchedule, public ::testing::WithParamInterface<Row> {};

TEST_P(NotOfTls13, IsRefused) {
  Asked asked;
  ASSERT_TRUE(ours(asked));
  GetParam().change(asked);
  EXPECT_FALSE(ours(asked));
}

INSTANTIATE_TEST_SUITE_P(
    Rows, NotOfTls13,
    ::testing::Values(Row{"another_digest", [](Asked& a) { a.digest = "SHA2-512"; }},
                      Row{"no_digest", [](Asked& a) { a.digest.clear(); }},
                      Row{"another_mode", [](Asked& a) { a.mode = EVP_KDF_HKDF_MODE_EXTRACT_AND_EXPAND; }},
                      Row{"no_secret", [](Asked& a) { a.key.reset(); }},
                      Row{"a_secret_longer_than_a_block", [](Asked& a) { a.key = base::Bytes(65, 1); }},
                      Row{"too_long_a_label", [](Asked& a) { a.label = std::string(250, 'l'); }},
                      Row{"too_long_a_context", [](Asked& a) { a.context = base::Bytes(256, 1); }},
                      Row{"more_than_255_blocks", [](Asked& a) { a.size = 255 * 32 + 1; }},
                      Row{"an_extract_of_another_size",
                          [](Asked& a) {
                            extract(a);
                            a.size = 31;
                          }}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace countersign::tls
