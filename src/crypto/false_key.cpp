#include "crypto/false_key.h"

#include <array>
#include <vector>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

#include "crypto/algorithm.h"
#include "crypto/openssl_error.h"

namespace countersign::crypto {
namespace {

using Key = Handle<EVP_PKEY, EVP_PKEY_free>;
using KeyContext = Handle<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using Number = Handle<BIGNUM, BN_clear_free>;
using Builder = Handle<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>;
using Params = Handle<OSSL_PARAM, OSSL_PARAM_free>;
using Bio = Handle<BIO, BIO_free_all>;

tl::unexpected<base::Error> failed() {
  return base::unexpected(openssl_error(base::Kind::internal, "key.generation", "the false key could not be made"));
}

Number number_of(const EVP_PKEY* key, const char* name) {
  BIGNUM* number = nullptr;
  EVP_PKEY_get_bn_param(key, name, &number);
  return Number(number);
}

/// A key pair as `params` say it; libcrypto does not hold the halves against each other.
Key assemble(const char* type, OSSL_PARAM_BLD* builder) {
  const Params params(OSSL_PARAM_BLD_to_param(builder));
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (params != nullptr && context != nullptr && EVP_PKEY_fromdata_init(context.get()) == 1)
    EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_KEYPAIR, params.get());
  return Key(key);
}

/// RFC 5480: the claimed point, and the secret of `other`.
Key claim_point(const EVP_PKEY* claimed, const EVP_PKEY* other, const char* curve) {
  std::array<unsigned char, 256> point;
  std::size_t size = 0;
  const Number secret = number_of(other, OSSL_PKEY_PARAM_PRIV_KEY);
  const Builder builder(OSSL_PARAM_BLD_new());
  const bool described =
      secret != nullptr && builder != nullptr &&
      EVP_PKEY_get_octet_string_param(claimed, OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size(), &size) == 1 &&
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, curve, 0) == 1 &&
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), size) == 1 &&
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_PRIV_KEY, secret.get()) == 1;
  return described ? assemble("EC", builder.get()) : Key();
}

/// RFC 8017: the claimed modulus and exponent, and the rest of `other`.
Key claim_modulus(const EVP_PKEY* claimed, const EVP_PKEY* other) {
  static constexpr const char* kSecrets[] = {OSSL_PKEY_PARAM_RSA_D,         OSSL_PKEY_PARAM_RSA_FACTOR1,
                                             OSSL_PKEY_PARAM_RSA_FACTOR2,   OSSL_PKEY_PARAM_RSA_EXPONENT1,
                                             OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1};
  const Builder builder(OSSL_PARAM_BLD_new());
  std::vector<Number> kept;  // the builder borrows them
  const auto push = [&](const EVP_PKEY* from, const char* name) {
    kept.push_back(number_of(from, name));
    return kept.back() != nullptr && OSSL_PARAM_BLD_push_BN(builder.get(), name, kept.back().get()) == 1;
  };
  bool described = builder != nullptr && push(claimed, OSSL_PKEY_PARAM_RSA_N) && push(claimed, OSSL_PKEY_PARAM_RSA_E);
  for (const char* name : kSecrets)
    described = described && push(other, name);
  return described ? assemble("RSA", builder.get()) : Key();
}

Key claim(const PublicKey& claimed) {
  const auto with = [&](PrivateKey::Kind kind, const auto& make) {
    const auto other = PrivateKey::generate(kind);
    return other ? make(other->native()) : Key();
  };
  switch (claimed.type()) {
    case KeyType::ec_p256:
      return with(PrivateKey::Kind::p256,
                  [&](const EVP_PKEY* other) { return claim_point(claimed.native(), other, "P-256"); });
    case KeyType::ec_p384:
      return with(PrivateKey::Kind::p384,
                  [&](const EVP_PKEY* other) { return claim_point(claimed.native(), other, "P-384"); });
    case KeyType::rsa:
      return with(PrivateKey::Kind::rsa2048,
                  [&](const EVP_PKEY* other) { return claim_modulus(claimed.native(), other); });
    case KeyType::ed25519:
    case KeyType::other: return {};
  }
  return {};
}

}  // namespace

base::Result<PrivateKey> make_false_key(const PublicKey& claimed) {
  const Key key = claim(claimed);
  const Bio bio(BIO_new(BIO_s_secmem()));
  char* pem = nullptr;
  const bool written = key != nullptr && bio != nullptr &&
                       PEM_write_bio_PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1;
  const long size = written ? BIO_get_mem_data(bio.get(), &pem) : 0;
  if (size <= 0) return failed();
  return PrivateKey::from_pem({pem, static_cast<std::size_t>(size)}, base::Secret());
}

}  // namespace countersign::crypto
