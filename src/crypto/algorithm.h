// Inside of crypto and x509: which digest goes with which key (RFC 8017, RFC 5480, RFC 8410).
#pragma once

#include <openssl/crypto.h>

#include "crypto/handle.h"
#include "crypto/public_key.h"

typedef struct evp_md_st EVP_MD;

namespace countersign::crypto {

/// SHA-256 for RSA and P-256, SHA-384 for P-384; null for Ed25519, which brings its own, and for other keys.
const EVP_MD* signing_digest(KeyType type);

/// Frees what libcrypto allocated for an i2d call.
inline void free_openssl_bytes(void* bytes) { OPENSSL_free(bytes); }

}  // namespace countersign::crypto
