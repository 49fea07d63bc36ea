// PasswordBasedMac against libcrypto's, of its CRMF.
#include "crypto/password_mac.h"

#include <gtest/gtest.h>
#include <openssl/crmf.h>
#include <openssl/objects.h>

#include "crypto/handle.h"
#include "crypto/scrypt.h"

namespace countersign::crypto {
namespace {

using Hash = PasswordMac::Hash;
using Parameters = Handle<OSSL_CRMF_PBMPARAMETER, OSSL_CRMF_PBMPARAMETER_free>;

/// By libcrypto, under the salt that it chose: the OCTET STRING in front of its parameters.
struct Theirs {
  base::Bytes salt;
  base::Bytes mac;
};

Theirs theirs(const PasswordMac& how, int one_way, int hmac, base::BytesView secret, base::BytesView data) {
  const Parameters parameters(OSSL_CRMF_pbmp_new(nullptr, 16, one_way, how.iterations, hmac));
  std::uint8_t* raw = nullptr;
  const int length = i2d_OSSL_CRMF_PBMPARAMETER(parameters.get(), &raw);
  const base::Bytes der(raw, raw + length);
  OPENSSL_free(raw);
  std::uint8_t* made = nullptr;
  std::size_t size = 0;
  EXPECT_EQ(OSSL_CRMF_pbm_new(nullptr, nullptr, parameters.get(), data.data(), data.size(), secret.data(),
                              secret.size(), &made, &size),
            1);
  const base::Bytes mac(made, made + size);
  OPENSSL_free(made);
  return {base::Bytes(der.begin() + 4, der.begin() + 20), mac};
}

TEST(PasswordMac, IsWhatLibcryptoMakes) {
  struct Row {
    const char* name;
    Hash one_way;
    int one_way_nid;
    Hash hmac;
    int hmac_nid;
    std::uint32_t iterations;
  };
  const base::Bytes secret = base::to_bytes(base::as_bytes("a secret"));
  const base::Bytes data(300, 0x5a);
  for (const Row& row : {Row{"as openssl cmp", Hash::sha256, NID_sha256, Hash::sha1, NID_hmac_sha1, 500},
                         Row{"SHA-256", Hash::sha256, NID_sha256, Hash::sha256, NID_hmacWithSHA256, 100},
                         Row{"SHA-384", Hash::sha384, NID_sha384, Hash::sha384, NID_hmacWithSHA384, 101},
                         Row{"SHA-512", Hash::sha512, NID_sha512, Hash::sha512, NID_hmacWithSHA512, 1000}}) {
    PasswordMac how{row.one_way, row.hmac, row.iterations, {}};
    const Theirs expected = theirs(how, row.one_way_nid, row.hmac_nid, secret, data);
    how.salt = expected.salt;
    EXPECT_EQ(password_mac(how, secret, data), expected.mac) << row.name;
    ++how.iterations;
    EXPECT_NE(password_mac(how, secret, data), expected.mac) << row.name;
  }
}

TEST(Scrypt, IsThatOfRfc7914Section12) {
  const base::Secret secret(std::string_view("pleaseletmein"));
  const auto digest = scrypt(secret, base::as_bytes("SodiumChloride"), {.n = 16384, .r = 8, .p = 1});
  ASSERT_TRUE(digest);
  EXPECT_EQ(base::to_hex(*digest), "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2");
  EXPECT_FALSE(scrypt(secret, {}, {.n = 16383}));
  EXPECT_FALSE(scrypt(secret, {}, {.n = 1U << 20U, .r = 8}));
}

}  // namespace
}  // namespace countersign::crypto
