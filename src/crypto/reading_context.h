// A library context for reading X.509 objects quickly: the default provider without its decoders. OpenSSL 3.0 tries to
// decode the key in every certificate it reads, and goes through all decoders for it, which takes longer than to verify
// a signature; where there is none it leaves the key in its encoded form.
//
// What is read in it is to be looked at, and has no key of libcrypto's: keys are made from the encoded form in the
// default context (PublicKey::from_spki).
#pragma once

typedef struct ossl_lib_ctx_st OSSL_LIB_CTX;

namespace countersign::crypto {

/// Null, which is the default context, where it cannot be set up. Thread-safe.
OSSL_LIB_CTX* reading_context();

}  // namespace countersign::crypto
