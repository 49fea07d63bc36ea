// From a complete description to the exact bytes that are linted and then signed (RFC 5280 section 4.1).
#pragma once

#include <optional>
#include <set>
#include <vector>

#include "crypto/private_key.h"
#include "x509/certificate.h"

namespace countersign::x509 {

enum class OcspNoCheck { no, yes };

/// Everything a certificate of ours can say; nothing is taken from anywhere else.
struct CertificateSpec {
  Serial serial;
  SubjectName subject;
  base::Instant not_before;
  base::Instant not_after;
  crypto::PublicKey key;
  std::set<KeyUsage> key_usage;                 ///< critical
  std::vector<std::string> extended_key_usage;  ///< dotted OIDs; empty: no extension
  SubjectAltNames subject_alt_names;
  struct Ca {
    std::optional<int> path_length;
  };
  std::optional<Ca> ca;                  ///< present: basicConstraints CA:TRUE, critical; absent: CA:FALSE, critical
  UrlList crl_distribution_points = {};  ///< of one distribution point; empty: no extension
  InformationAccess information_access = {};    ///< empty: no extension
  OcspNoCheck ocsp_no_check = OcspNoCheck::no;  ///< RFC 6960 section 4.2.2.2.1
};

/// A TBSCertificate: the bytes under the signature, naming the algorithm of the key that must sign them.
struct TbsCertificate {
  base::Bytes der;
  base::Bytes algorithm_der;  ///< the AlgorithmIdentifier, the same inside and outside of the signature
};

/// The TBS of `spec` as issued by `issuer`. `issuer_key` only chooses the algorithm. Fails: `certificate.build`.
base::Result<TbsCertificate> build_tbs(const CertificateSpec& spec, const Certificate& issuer,
                                       const crypto::PublicKey& issuer_key);
/// The TBS of a root: issuer is the subject. Fails: `certificate.build`.
base::Result<TbsCertificate> build_self_issued_tbs(const CertificateSpec& spec);

/// Puts a signature behind a TBS without touching a byte of it. Fails: `certificate.malformed`.
base::Result<Certificate> assemble(const TbsCertificate& tbs, base::BytesView signature);
/// The same to be looked at, as Certificate::read_der. Fails: the same.
base::Result<Certificate> assemble_to_read(const TbsCertificate& tbs, base::BytesView signature);

}  // namespace countersign::x509
