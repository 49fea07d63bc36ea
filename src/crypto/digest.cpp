#include "crypto/digest.h"

#include <openssl/evp.h>

#include "base/check.h"
#include "crypto/handle.h"

namespace countersign::crypto {

Digest256 sha256(base::BytesView data) { return sha256({data}); }

Digest256 sha256(std::initializer_list<base::BytesView> parts) {
  Digest256 digest;
  const Handle<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
  BASE_CHECK(context != nullptr && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1);
  for (const base::BytesView part : parts)
    BASE_CHECK(EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1);
  BASE_CHECK(EVP_DigestFinal_ex(context.get(), digest.data(), nullptr) == 1);
  return digest;
}

}  // namespace countersign::crypto
