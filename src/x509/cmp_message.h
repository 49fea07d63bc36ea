// CMP messages as they come in (RFC 4210, RFC 9480): read by hand, strictly, since anybody may send them.
//
// That one parses says nothing about who sent it: has_mac_of() and is_signed_by() do. What its body asks for is read by
// cmp_body.h.
#pragma once

#include <optional>
#include <vector>

#include "base/secret.h"
#include "crypto/password_mac.h"
#include "x509/certificate.h"

namespace countersign::x509 {

inline constexpr std::size_t kCmpMessageLimit = 64 * 1024;
/// In extraCerts.
inline constexpr std::size_t kCmpCertificateLimit = 8;
/// Of a MAC, in hashes: anybody may have us check one. The least is that of RFC 4210 section 5.1.3.1.
inline constexpr std::uint32_t kCmpLeastIterations = 100;
inline constexpr std::uint32_t kCmpMostIterations = 10'000;
inline constexpr std::size_t kCmpSaltLimit = 128;

/// The choices of PKIBody that are spoken here, by their tags (RFC 4210 section 5.1.2).
enum class CmpBody : std::uint8_t {
  ir = 0,
  ip = 1,
  cr = 2,
  cp = 3,
  p10cr = 4,
  kur = 7,
  kup = 8,
  rr = 11,
  rp = 12,
  confirmation = 19,  ///< pkiconf
  genm = 21,
  genp = 22,
  error = 23,
  cert_conf = 24,
  poll_req = 25,
  poll_rep = 26,
};

/// PKIHeader (RFC 4210 section 5.1.1): views into the message. What is absent is empty.
struct CmpHeader {
  std::uint64_t version = 0;
  base::BytesView sender;  ///< the whole GeneralName
  std::optional<base::Instant> message_time;
  base::BytesView protection_algorithm;  ///< the whole AlgorithmIdentifier
  base::BytesView sender_key_id;
  base::BytesView transaction_id;
  base::BytesView sender_nonce;
  base::BytesView recipient_nonce;
  bool wants_implicit_confirmation = false;
};

class CmpMessage {
 public:
  /// Fails: `cmp.too_large`, `cmp.malformed`.
  static base::Result<CmpMessage> parse(base::BytesView der);
  CmpMessage(CmpMessage&&) = default;
  CmpMessage& operator=(CmpMessage&&) = default;
  CmpMessage(const CmpMessage&) = delete;

  const CmpHeader& header() const { return header_; }
  /// One that has no name above stands as what its tag is.
  CmpBody body() const { return body_; }
  /// What is inside of the body's [n]: one element, with its tag and length.
  base::BytesView content() const { return content_; }
  bool is_protected() const { return !header_.protection_algorithm.empty(); }
  /// extraCerts, each in DER, not parsed.
  const std::vector<base::BytesView>& certificates() const { return certificates_; }

  /// How its PasswordBasedMac is made; nothing when it has none. Fails: `cmp.mac_algorithm` on parameters that do not
  /// parse, on hashes other than SHA-2 (HMAC-SHA-1 is taken as well), and outside the limits above.
  base::Result<std::optional<crypto::PasswordMac>> mac() const;
  /// Was it made with `secret`? In constant time.
  bool has_mac_of(const base::Secret& secret, const crypto::PasswordMac& how) const;
  bool is_signed_by(const crypto::PublicKey& key) const;
  /// SHA-256 of what is protected: the same message again has the same.
  crypto::Digest256 digest() const;

 private:
  CmpMessage() = default;
  base::Result<void> read_parts();
  base::Bytes protected_part() const;
  base::Bytes der_;
  CmpHeader header_;
  CmpBody body_ = CmpBody::error;
  base::BytesView header_der_;
  base::BytesView body_der_;
  base::BytesView content_;
  base::BytesView protection_;
  std::vector<base::BytesView> certificates_;
};

}  // namespace countersign::x509
