// Scheme: how a key signs a message, by the names of HTTP message signatures (RFC 9421 section 3.3) and of JWS (RFC
// 7518, RFC 8037). The key decides; what a message says must agree. There is no scheme with a shared secret: whoever
// can check it could have made it, and it proves nothing about a partner.
#pragma once

#include <optional>
#include <string_view>

#include "crypto/private_key.h"

namespace countersign::signatures {

enum class Scheme {
  ecdsa_p256_sha256,  ///< signatures are R || S, of 64 bytes
  ecdsa_p384_sha384,  ///< R || S, of 96 bytes
  ed25519,
  rsa_pss_sha512,
  rsa_v1_5_sha256,
  rsa_pss_sha256,  ///< JWS alone
};

/// As `alg` of RFC 9421; empty for what it has none of.
std::string_view http_name(Scheme scheme);
/// As `alg` of JWS; empty for what it has none of.
std::string_view jws_name(Scheme scheme);

/// Of a key whose message names no algorithm: for RSA rsa-pss-sha512. Nothing for a key that cannot sign here.
std::optional<Scheme> http_scheme(crypto::KeyType type);
/// Of one that names one; nothing where the two do not fit, or there is none of that name.
std::optional<Scheme> http_scheme(crypto::KeyType type, std::string_view named);
/// ES256, ES384, EdDSA, PS256, RS256.
std::optional<Scheme> jws_scheme(crypto::KeyType type, std::string_view named);
/// With which a key signs a JWS: for RSA PS256.
std::optional<Scheme> jws_scheme(crypto::KeyType type);

/// `scheme` is one of the key's kind. Fails: `key.signing`.
base::Result<base::Bytes> sign(Scheme scheme, const crypto::PrivateKey& key, std::string_view message);
bool verify(Scheme scheme, const crypto::PublicKey& key, std::string_view message, base::BytesView signature);

}  // namespace countersign::signatures
