#include "crypto/hasher.h"

#include <openssl/evp.h>

#include "base/check.h"

namespace countersign::crypto {

Hasher::Hasher(Kind kind) : context_(EVP_MD_CTX_new()) {
  const EVP_MD* digest = kind == Kind::sha256 ? EVP_sha256() : EVP_sha512();
  BASE_CHECK(context_ != nullptr && EVP_DigestInit_ex(context_.get(), digest, nullptr) == 1);
}

void Hasher::add(base::BytesView part) { BASE_CHECK(EVP_DigestUpdate(context_.get(), part.data(), part.size()) == 1); }

base::Bytes Hasher::finish() && {
  base::Bytes digest(static_cast<std::size_t>(EVP_MD_CTX_get_size(context_.get())));
  BASE_CHECK(EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr) == 1);
  return digest;
}

}  // namespace countersign::crypto
