// Inside of crypto: keys in a token: found, made, used. Functions of a session that is logged in.
#pragma once

#include "crypto/pkcs11_session.h"
#include "crypto/private_key.h"

namespace countersign::crypto {

/// The key pair with this label; remembered in the session. Fails: `token.no_key`, `token.ambiguous` when there are
/// two, `token.bad_key` when it may leave the token, may not sign, wants a PIN for each signature, is of a kind that we
/// do not use, or does not pass check_strength; and as the module.
Pkcs11Result<Pkcs11Key> find_key(Pkcs11Session& session, const std::string& label);

/// Makes one that signs and never leaves the token; wants a session of CKF_RW_SESSION. Fails: `token.key_exists`,
/// `token.unsupported` (Ed25519 too), and as find_key.
Pkcs11Result<Pkcs11Key> make_key(Pkcs11Session& session, const std::string& label, PrivateKey::Kind kind);

/// As PrivateKey::sign: CKM_ECDSA over SHA-256 or SHA-384, as DER (RFC 3279 section 2.2.3), or CKM_RSA_PKCS over a
/// DigestInfo of SHA-256 (RFC 8017 section 9.2). Fails: as the module.
Pkcs11Result<base::Bytes> sign(const Pkcs11Session& session, const Pkcs11Key& key, base::BytesView message);

}  // namespace countersign::crypto
