// Signatures over the content of a message alone, in one field: detached JWS, and `k=KEY, s=SIGNATURE`.
//
// They say nothing about method, target, other fields or time: whoever has a copy may send it again, to another place.
// They are here for partners whose programs have nothing else; HTTP message signatures (http_signature.h) are better.
#pragma once

#include "base/json.h"
#include "signatures/scheme.h"
#include "signatures/verified_signature.h"

namespace countersign::signatures {

inline constexpr std::string_view kJwsField = "x-jws-signature";
inline constexpr std::string_view kHeaderField = "x-signature";
/// No such field is longer.
inline constexpr std::size_t kContentSignatureLimit = 8 * 1024;

/// HEADER..SIGNATURE (RFC 7515 appendix F). The content is signed as base64url or, where the header says b64 = false,
/// as it is (RFC 7797). `crit` may hold b64 and nothing else, and a header that brings a key along is refused.
class DetachedJws {
 public:
  /// Fails: `malformed`, `wrong_algorithm` for none and HMAC.
  static base::Result<DetachedJws, Refusal> parse(std::string_view text);
  /// `kid`; to find the key by, and for nothing else.
  const std::string& keyid() const { return keyid_; }
  /// `iat`, where the header has one, is held against `freshness`. Fails: `wrong_algorithm`, `too_old`,
  /// `in_the_future`, `bad_signature`.
  base::Result<VerifiedSignature, Refusal> verify(const VerificationKey& key, std::string_view content,
                                                  const Freshness& freshness) const;
  /// What is signed, for those who look for a difference.
  std::string input(std::string_view content) const;

 private:
  DetachedJws() = default;
  static base::Result<void, Refusal> check_header(const base::json::object& header);
  std::string keyid_;
  std::string alg_;
  std::string protected_;  ///< as it was sent
  bool encodes_ = true;    ///< b64
  std::optional<std::int64_t> issued_at_;
  base::Bytes signature_;
};

/// {"alg","kid","iat","b64":false,"crit":["b64"]} over `content`. Fails: `jwk.unsupported`, `key.signing`.
base::Result<std::string> sign_detached_jws(const crypto::PrivateKey& key, const std::string& keyid,
                                            std::string_view content, base::Instant created);

/// `k=KEY, s=SIGNATURE`, in either order, each once, with spaces and tabs around the comma as one likes. KEY is visible
/// ASCII without comma; SIGNATURE is base64 with padding, over the bytes of the content: RSASSA-PKCS1-v1_5 with
/// SHA-256, ECDSA with SHA-256 (P-384: SHA-384) in DER, or Ed25519, as the key is.
class HeaderSignature {
 public:
  /// Fails: `malformed`.
  static base::Result<HeaderSignature, Refusal> parse(std::string_view text);
  const std::string& keyid() const { return keyid_; }
  /// Fails: `bad_signature`.
  base::Result<VerifiedSignature, Refusal> verify(const VerificationKey& key, std::string_view content) const;

 private:
  HeaderSignature() = default;
  std::string keyid_;
  base::Bytes signature_;
};

/// Fails: `key.signing`, `signature.label` where `keyid` cannot be written.
base::Result<std::string> sign_header(const crypto::PrivateKey& key, const std::string& keyid,
                                      std::string_view content);

}  // namespace countersign::signatures
