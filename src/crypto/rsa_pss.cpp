#include "crypto/rsa_pss.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "base/check.h"
#include "crypto/openssl_error.h"

namespace countersign::crypto {
namespace {

const EVP_MD* to_native(PssDigest digest) {
  switch (digest) {
    case PssDigest::sha256: return EVP_sha256();
    case PssDigest::sha512: return EVP_sha512();
  }
  BASE_UNREACHABLE();
}

/// MGF1 takes the signature's digest where nothing else is said.
bool use_pss(EVP_PKEY_CTX* context) {
  return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1;
}

}  // namespace

base::Result<base::Bytes> sign_pss(const PrivateKey& key, PssDigest digest, base::BytesView message) {
  const Handle<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* padding = nullptr;  // of `context`
  std::size_t length = 0;
  base::Bytes signature;
  const auto sign_into = [&](std::uint8_t* out) {
    return EVP_DigestSign(context.get(), out, &length, message.data(), message.size()) == 1;
  };
  bool good = context != nullptr && PublicKey::from_native(key.native()).type() == KeyType::rsa &&
              EVP_DigestSignInit(context.get(), &padding, to_native(digest), nullptr, key.native()) == 1 &&
              use_pss(padding) && sign_into(nullptr);
  if (good) {
    signature.resize(length);
    good = sign_into(signature.data());
  }
  if (!good) return base::unexpected(openssl_error(base::Kind::internal, "key.signing", "the key could not sign"));
  signature.resize(length);
  return signature;
}

bool verify_pss(const PublicKey& key, PssDigest digest, base::BytesView message, base::BytesView signature) {
  if (key.type() != KeyType::rsa) return false;
  const Handle<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* padding = nullptr;
  const bool good =
      context != nullptr &&
      EVP_DigestVerifyInit(context.get(), &padding, to_native(digest), nullptr, key.native()) == 1 &&
      use_pss(padding) &&
      EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(), message.size()) == 1;
  if (!good) drop_openssl_errors();
  return good;
}

}  // namespace countersign::crypto
