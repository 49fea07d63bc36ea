#include "signatures/scheme.h"

#include <array>

#include "base/check.h"
#include "crypto/rsa_pss.h"
#include "jose/der.h"

namespace countersign::signatures {
namespace {

using crypto::KeyType;

constexpr std::array kSchemes = {Scheme::ecdsa_p256_sha256, Scheme::ecdsa_p384_sha384, Scheme::ed25519,
                                 Scheme::rsa_pss_sha512,    Scheme::rsa_v1_5_sha256,   Scheme::rsa_pss_sha256};

KeyType key_type(Scheme scheme) {
  switch (scheme) {
    case Scheme::ecdsa_p256_sha256: return KeyType::ec_p256;
    case Scheme::ecdsa_p384_sha384: return KeyType::ec_p384;
    case Scheme::ed25519: return KeyType::ed25519;
    case Scheme::rsa_pss_sha512:
    case Scheme::rsa_v1_5_sha256:
    case Scheme::rsa_pss_sha256: return KeyType::rsa;
  }
  BASE_UNREACHABLE();
}

/// Bytes of each of the two numbers of an ECDSA signature; nothing for others.
std::optional<std::size_t> number_length(Scheme scheme) {
  if (scheme == Scheme::ecdsa_p256_sha256) return 32;
  if (scheme == Scheme::ecdsa_p384_sha384) return 48;
  return std::nullopt;
}

std::optional<crypto::PssDigest> pss_digest(Scheme scheme) {
  if (scheme == Scheme::rsa_pss_sha512) return crypto::PssDigest::sha512;
  if (scheme == Scheme::rsa_pss_sha256) return crypto::PssDigest::sha256;
  return std::nullopt;
}

std::optional<Scheme> named_scheme(KeyType type, std::string_view named, std::string_view (*name)(Scheme)) {
  for (const Scheme scheme : kSchemes)
    if (!named.empty() && name(scheme) == named && key_type(scheme) == type) return scheme;
  return std::nullopt;
}

std::optional<Scheme> usual_scheme(KeyType type, Scheme of_rsa) {
  switch (type) {
    case KeyType::ec_p256: return Scheme::ecdsa_p256_sha256;
    case KeyType::ec_p384: return Scheme::ecdsa_p384_sha384;
    case KeyType::ed25519: return Scheme::ed25519;
    case KeyType::rsa: return of_rsa;
    case KeyType::other: return std::nullopt;
  }
  BASE_UNREACHABLE();
}

}  // namespace

std::string_view http_name(Scheme scheme) {
  switch (scheme) {
    case Scheme::ecdsa_p256_sha256: return "ecdsa-p256-sha256";
    case Scheme::ecdsa_p384_sha384: return "ecdsa-p384-sha384";
    case Scheme::ed25519: return "ed25519";
    case Scheme::rsa_pss_sha512: return "rsa-pss-sha512";
    case Scheme::rsa_v1_5_sha256: return "rsa-v1_5-sha256";
    case Scheme::rsa_pss_sha256: return "";
  }
  BASE_UNREACHABLE();
}

std::string_view jws_name(Scheme scheme) {
  switch (scheme) {
    case Scheme::ecdsa_p256_sha256: return "ES256";
    case Scheme::ecdsa_p384_sha384: return "ES384";
    case Scheme::ed25519: return "EdDSA";
    case Scheme::rsa_pss_sha512: return "";
    case Scheme::rsa_v1_5_sha256: return "RS256";
    case Scheme::rsa_pss_sha256: return "PS256";
  }
  BASE_UNREACHABLE();
}

std::optional<Scheme> http_scheme(KeyType type) { return usual_scheme(type, Scheme::rsa_pss_sha512); }
std::optional<Scheme> http_scheme(KeyType type, std::string_view named) { return named_scheme(type, named, http_name); }
std::optional<Scheme> jws_scheme(KeyType type) { return usual_scheme(type, Scheme::rsa_pss_sha256); }
std::optional<Scheme> jws_scheme(KeyType type, std::string_view named) { return named_scheme(type, named, jws_name); }

base::Result<base::Bytes> sign(Scheme scheme, const crypto::PrivateKey& key, std::string_view message) {
  if (const auto digest = pss_digest(scheme)) return crypto::sign_pss(key, *digest, base::as_bytes(message));
  BASE_TRY(base::Bytes signature, key.sign(base::as_bytes(message)));
  const auto length = number_length(scheme);
  if (!length) return signature;
  auto numbers = jose::from_ecdsa_der(signature, *length);
  if (!numbers) return base::fail(base::Kind::internal, "key.signing", "the signature cannot be read");
  return std::move(*numbers);
}

bool verify(Scheme scheme, const crypto::PublicKey& key, std::string_view message, base::BytesView signature) {
  if (key_type(scheme) != key.type()) return false;
  if (const auto digest = pss_digest(scheme))
    return crypto::verify_pss(key, *digest, base::as_bytes(message), signature);
  const auto length = number_length(scheme);
  if (!length) return key.verify(base::as_bytes(message), signature);
  return signature.size() == 2 * *length && key.verify(base::as_bytes(message), jose::to_ecdsa_der(signature));
}

}  // namespace countersign::signatures
