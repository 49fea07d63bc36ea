// Hasher: SHA-256 or SHA-512 (FIPS 180-4) of bytes that come piece by piece.
#pragma once

#include "base/bytes.h"
#include "crypto/handle.h"

typedef struct evp_md_ctx_st EVP_MD_CTX;
extern "C" void EVP_MD_CTX_free(EVP_MD_CTX*);

namespace countersign::crypto {

class Hasher {
 public:
  enum class Kind { sha256, sha512 };
  explicit Hasher(Kind kind);

  void add(base::BytesView part);
  /// Of everything added. Once.
  base::Bytes finish() &&;

 private:
  Handle<EVP_MD_CTX, EVP_MD_CTX_free> context_;
};

}  // namespace countersign::crypto
