// The key schedule of TLS 1.3 (RFC 8446 section 7.1, on HKDF, RFC 5869) as an algorithm of a provider, "TLS13-KDF"
// (provider-kdf(7)). Private to tls, for library.cpp.
//
// libssl derives some twenty secrets and keys in every handshake. OpenSSL 3.0's own algorithm takes about thirty pieces
// of memory and five look-ups behind locks of the process for each, which is ten times the hashing. This one has no
// state, takes no memory and asks nobody; the hashing is libcrypto's SHA-256 and SHA-384, those of all suites of
// TLS 1.3 that we speak. With any other digest, and with whatever else TLS 1.3 does not ask for, it derives nothing.
#pragma once

typedef struct ossl_dispatch_st OSSL_DISPATCH;

namespace countersign::tls {

/// Its functions, ended as OpenSSL wants it. Thread-safe: there is nothing that could be shared.
const OSSL_DISPATCH* key_schedule_functions();

}  // namespace countersign::tls
