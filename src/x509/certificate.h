// Certificate: an X.509 certificate that parses (RFC 5280). That it parses says nothing about whom to believe:
// that is trust::VerifiedChain. Immutable, cheap to copy, thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "crypto/digest.h"
#include "crypto/public_key.h"
#include "x509/name.h"
#include "x509/serial.h"

typedef struct x509_st X509;

namespace countersign::x509 {

/// No certificate that Countersign reads is larger.
inline constexpr std::size_t kCertificateLimit = 64 * 1024;

/// Bits of keyUsage (RFC 5280 section 4.2.1.3) that Countersign speaks of.
enum class KeyUsage { digital_signature, non_repudiation, key_encipherment, key_agreement, cert_sign, crl_sign };

struct SubjectAltNames {
  std::vector<std::string> dns;
  std::vector<std::string> uris;
  std::vector<std::string> ip_addresses;  ///< in text form
  bool has_others = false;                ///< any other kind: e-mail, directoryName, otherName ...
};

/// URLs in an extension, and whether it says anything else besides.
struct UrlList {
  std::vector<std::string> urls;
  bool has_others = false;
};

/// authorityInfoAccess (RFC 5280 section 4.2.2.1).
struct InformationAccess {
  std::vector<std::string> ocsp;
  std::vector<std::string> ca_issuers;
  bool has_others = false;  ///< other methods, or locations that are no URL
};

class Certificate {
 public:
  /// Fails: `certificate.malformed`, `certificate.too_large`, also on bytes behind the certificate.
  static base::Result<Certificate> from_der(base::BytesView der);
  /// The certificates of a PEM text, in order, other blocks skipped. Fails: as above, and `certificate.none`.
  static base::Result<std::vector<Certificate>> all_from_pem(std::string_view pem);
  /// PEM or DER, exactly one. Fails: as above, and `certificate.not_one`.
  static base::Result<Certificate> one_from(std::string_view pem_or_der);
  /// Takes a new reference on `certificate`. Lenient where from_der is strict: what cannot be read is empty, a validity
  /// that cannot be read is never, and build_path() then calls it malformed.
  static Certificate from_native(X509* certificate);

  /// The same, in a sixth of the time where it is as this authority writes them (certificate_reader.h); libcrypto reads
  /// such a one whole only when native() is asked for.
  static base::Result<Certificate> read_der(base::BytesView der);
  /// This one under another signature, as of signing tbs_der() anew: all that it says is known already, and libcrypto
  /// reads it when native() is asked for. Fails: `certificate.malformed`.
  base::Result<Certificate> with_signature(base::BytesView signature) const;

  const base::Bytes& der() const;
  std::string to_pem() const;
  /// SHA-256 of der(): the fingerprint that x5t#S256 and operators use.
  const crypto::Digest256& fingerprint() const;
  /// The signed part (TBSCertificate), as it stands in der().
  base::Bytes tbs_der() const;

  const Serial& serial() const;
  const Name& subject() const;
  const Name& issuer() const;
  base::Instant not_before() const;
  /// The last second at which it is valid.
  base::Instant not_after() const;
  crypto::PublicKey public_key() const;

  bool is_ca() const;
  /// pathLenConstraint (RFC 5280 section 4.2.1.9); absent: any number of CAs may follow.
  std::optional<int> path_length() const;
  bool is_self_issued() const;               ///< subject equals issuer
  bool has_key_usage(KeyUsage usage) const;  ///< false when the extension is absent
  /// The set bits of keyUsage; absent when the extension is.
  std::optional<std::set<KeyUsage>> key_usages() const;
  /// Dotted OIDs; absent when the extension is.
  const std::optional<std::vector<std::string>>& extended_key_usages() const;
  const SubjectAltNames& subject_alt_names() const;
  const base::Bytes& subject_key_id() const;    ///< empty when absent
  const base::Bytes& authority_key_id() const;  ///< empty when absent
  /// cRLDistributionPoints (RFC 5280 section 4.2.1.13): plain URLs; several points, reasons, other issuers and other
  /// names are `has_others`.
  const UrlList& crl_distribution_points() const;
  const InformationAccess& information_access() const;
  /// Dotted OIDs of every extension, in order, and whether each is critical.
  struct Extension {
    std::string oid;
    bool critical;
  };
  std::vector<Extension> extensions() const;
  /// False for MD2/4/5 and SHA-1 signatures, and for algorithms Countersign does not know.
  bool has_strong_signature() const;
  /// Does a name in the SAN match `host` (RFC 9525: SAN only, wildcard in the whole left-most label, IP addresses as
  /// IP)?
  bool matches_host(const std::string& host) const;
  /// Does the signature verify under `issuer_key`?
  bool is_signed_by(const crypto::PublicKey& issuer_key) const;

  X509* native() const;

  friend bool operator==(const Certificate& a, const Certificate& b) { return a.fingerprint() == b.fingerprint(); }

 private:
  struct Content;
  struct Parsed;
  static base::Result<Certificate> parse(X509* empty, base::BytesView der);
  static Certificate read(X509* certificate, const crypto::PublicKey& key);
  explicit Certificate(std::shared_ptr<const Parsed> parsed) : parsed_(std::move(parsed)) {}
  std::shared_ptr<const Parsed> parsed_;
};

namespace oid {
inline constexpr std::string_view kClientAuth = "1.3.6.1.5.5.7.3.2";
inline constexpr std::string_view kServerAuth = "1.3.6.1.5.5.7.3.1";
inline constexpr std::string_view kOcspSigning = "1.3.6.1.5.5.7.3.9";
inline constexpr std::string_view kOcspNoCheck = "1.3.6.1.5.5.7.48.1.5";
inline constexpr std::string_view kAnyExtendedKeyUsage = "2.5.29.37.0";
}  // namespace oid

std::string to_pem(const std::vector<Certificate>& chain);

}  // namespace countersign::x509
