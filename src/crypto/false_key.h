// A private key that names a public half which is not its own: what somebody has who copied a certificate without its
// key. For trying whether a server checks the proof in a handshake (RFC 8446 section 4.4.3); it proves nothing
// anywhere.
#pragma once

#include "crypto/private_key.h"

namespace countersign::crypto {

/// Claims `claimed` and signs with another secret, made for it: signatures by it do not verify. P-256, P-384 and RSA.
/// Fails: `key.generation`, also for keys of other kinds.
base::Result<PrivateKey> make_false_key(const PublicKey& claimed);

}  // namespace countersign::crypto
