// JWS (RFC 7515), compact or flattened JSON: what was sent is an UnverifiedJws, which shows its header so that the
// caller can find the key, and becomes a VerifiedJws by that key only. The algorithm is the key's; the header has to
// agree.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "base/secret.h"
#include "crypto/private_key.h"
#include "jose/jwk.h"

namespace countersign::jose {

/// No JWS that Countersign reads is larger: a certificate request of 64 KiB in base64url, twice.
inline constexpr std::size_t kJwsLimit = 192 * 1024;
/// A secret for HS256 has at least this many bytes (RFC 7518 section 3.2).
inline constexpr std::size_t kLeastSecret = 32;

/// Content whose signature was checked. Made only by UnverifiedJws.
class VerifiedJws {
 public:
  const base::json::object& header() const { return header_; }
  const std::string& payload() const { return payload_; }

 private:
  friend class UnverifiedJws;
  VerifiedJws(base::json::object header, std::string payload)
      : header_(std::move(header)), payload_(std::move(payload)) {}
  base::json::object header_;
  std::string payload_;
};

class UnverifiedJws {
 public:
  /// HEADER.PAYLOAD.SIGNATURE (RFC 7515 section 7.1). Fails: `jws.too_large`, `jws.malformed`.
  static base::Result<UnverifiedJws> parse_compact(std::string_view text);
  /// {"protected","payload","signature"} and nothing else (RFC 7515 section 7.2.2). Fails: as above, and
  /// `jws.unprotected` on a header outside of the signature.
  static base::Result<UnverifiedJws> parse_flattened(std::string_view text);
  static base::Result<UnverifiedJws> from_json(const base::json::value& json);

  /// Of the protected header; to be believed only once verify() has passed.
  const base::json::object& header() const { return header_; }
  /// A member of the header that is a text; nothing where it is absent or something else.
  std::optional<std::string> text(std::string_view member) const;

  /// Fails: `jws.algorithm` when the header names another algorithm than the key's, `jws.bad_signature`.
  base::Result<VerifiedJws> verify(const crypto::PublicKey& key) const;
  /// The same by `algorithm`, which the caller and never the header has chosen. Fails: the same, also where it does not
  /// suit the key.
  base::Result<VerifiedJws> verify(const crypto::PublicKey& key, Algorithm algorithm) const;
  /// HS256. Fails: as above, and `jws.weak_secret`.
  base::Result<VerifiedJws> verify(const base::Secret& secret) const;

 private:
  struct Parts {
    std::string_view header;
    std::string_view payload;
    std::string_view signature;
  };
  UnverifiedJws() = default;
  static base::Result<UnverifiedJws> from_parts(const Parts& parts);
  base::Result<void> require(Algorithm algorithm) const;
  base::json::object header_;
  std::string payload_;
  base::Bytes signature_;
  std::string signed_;  ///< header and payload as they stood, with the dot between
};

/// Makes `header` with `alg` of the key, compact. Fails: `jwk.unsupported`, `key.signing`.
base::Result<std::string> sign_compact(base::json::object header, std::string_view payload,
                                       const crypto::PrivateKey& key);
/// The same by `algorithm`. Fails: `jws.algorithm` where it does not suit the key, `key.signing`.
base::Result<std::string> sign_compact(base::json::object header, std::string_view payload,
                                       const crypto::PrivateKey& key, Algorithm algorithm);
/// The same as flattened JSON.
base::Result<std::string> sign_flattened(base::json::object header, std::string_view payload,
                                         const crypto::PrivateKey& key);
/// HS256, flattened.
std::string sign_flattened(base::json::object header, std::string_view payload, const base::Secret& secret);

}  // namespace countersign::jose
