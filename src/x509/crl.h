// CRLs (RFC 5280 section 5): from a description to the bytes that are recorded and then signed, and back.
//
// Writing is by hand, well under a microsecond an entry. Reading is libcrypto's, and so a stranger's view of what was
// written.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "x509/certificate.h"

typedef struct X509_crl_st X509_CRL;

namespace countersign::x509 {

/// No CRL that Countersign reads is larger.
inline constexpr std::size_t kCrlLimit = 64 * 1024 * 1024;

/// CRLReason (RFC 5280 section 5.3.1). removeFromCRL is for delta CRLs, which are neither written nor read here.
enum class CrlReason : std::uint8_t {
  unspecified = 0,
  key_compromise = 1,
  ca_compromise = 2,
  affiliation_changed = 3,
  superseded = 4,
  cessation_of_operation = 5,
  certificate_hold = 6,
  privilege_withdrawn = 9,
  aa_compromise = 10,
};
/// In our spelling: "key_compromise". Nothing for another text.
std::optional<CrlReason> parse_crl_reason(std::string_view text);

struct RevokedCertificate {
  Serial serial;
  base::Instant revoked_at;
  CrlReason reason;
};

/// Which certificates of its issuer a CRL speaks of (RFC 5280 section 5.2.5).
enum class CrlScope { all, user_certificates, ca_certificates };

struct CrlSpec {
  std::uint64_t number;
  base::Instant this_update;
  base::Instant next_update;
  /// Where this CRL can be had: a critical issuingDistributionPoint. A verifier finds one of these in the certificate.
  std::vector<std::string> urls;
  CrlScope scope;
  std::vector<RevokedCertificate> revoked;  ///< no serial twice
};

/// A TBSCertList: the bytes under the signature, naming the algorithm of the key that must sign them.
struct TbsCrl {
  base::Bytes der;
  base::Bytes algorithm_der;
};

/// Fails: `crl.build`.
base::Result<TbsCrl> build_tbs(const CrlSpec& spec, const Certificate& issuer);
/// Puts a signature behind a TBS without touching a byte of it: the CRL in DER.
base::Bytes assemble(const TbsCrl& tbs, base::BytesView signature);

/// A CRL that parses; that says nothing about whom to believe. Immutable, cheap to copy, thread-safe.
class Crl {
 public:
  /// Fails: `crl.malformed`, `crl.too_large`: also on bytes behind it, on version 1, on a serial that is there twice,
  /// on removeFromCRL, on a critical extension that is not known here, and without crlNumber or nextUpdate.
  static base::Result<Crl> from_der(base::BytesView der);

  const Name& issuer() const;
  std::uint64_t number() const;
  base::Instant this_update() const;
  base::Instant next_update() const;
  const base::Bytes& authority_key_id() const;
  /// Of the issuingDistributionPoint; absent when there is none.
  struct DistributionPoint {
    UrlList names;
    CrlScope scope;
  };
  const std::optional<DistributionPoint>& distribution_point() const;
  /// In order of serial.
  const std::vector<RevokedCertificate>& revoked() const;
  const RevokedCertificate* find(const Serial& serial) const;
  bool is_signed_by(const crypto::PublicKey& issuer_key) const;

 private:
  struct Parsed;
  explicit Crl(std::shared_ptr<const Parsed> parsed) : parsed_(std::move(parsed)) {}
  std::shared_ptr<const Parsed> parsed_;
};

}  // namespace countersign::x509
