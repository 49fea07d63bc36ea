#include "crypto/digest.h"

#include <openssl/evp.h>

#include "base/check.h"
#include "crypto/handle.h"

namespace countersign::crypto {

namespace {

/// Fetched once, for the life of the program: OpenSSL 3.0 looks EVP_sha256() up among its providers at every use.
const EVP_MD* kept_sha256() {
  static const EVP_MD* const kSha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return kSha256;
}

}  // namespace

Digest256 sha256(base::BytesView data) { return sha256({data}); }

Digest256 sha256(std::initializer_list<base::BytesView> parts) {
  Digest256 digest;
  const Handle<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
  BASE_CHECK(context != nullptr && EVP_DigestInit_ex2(context.get(), kept_sha256(), nullptr) == 1);
  for (const base::BytesView part : parts)
    BASE_CHECK(EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1);
  BASE_CHECK(EVP_DigestFinal_ex(context.get(), digest.data(), nullptr) == 1);
  return digest;
}

}  // namespace countersign::crypto
