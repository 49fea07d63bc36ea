// A library context for reading X.509 objects quickly: the default provider with no other decoders than those of the
// kinds of keys that Countersign takes. OpenSSL 3.0 goes through all of them for every key, which takes longer than to
// verify a signature.
//
// What is read in it is to be looked at. Keys that are to verify or sign are made in the default context.
#pragma once

typedef struct ossl_lib_ctx_st OSSL_LIB_CTX;

namespace countersign::crypto {

/// Null, which is the default context, where it cannot be set up. Thread-safe.
OSSL_LIB_CTX* reading_context();

}  // namespace countersign::crypto
