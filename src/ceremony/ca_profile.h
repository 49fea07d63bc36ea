// CA profile: what a certificate of a CA of ours may say, to the letter (RFC 5280). The rules hold wherever one is made
// - at the first run, at a ceremony, by an authority that holds its root - and wherever one is taken in.
//
// Drafting writes the bytes and reads them as a stranger would; only a draft that holds can be signed.
#pragma once

#include <optional>

#include "crypto/random.h"
#include "x509/certificate_builder.h"

namespace countersign::ceremony {

enum class CaRank {
  root,     ///< signs for itself, or is vouched for by another root
  issuing,  ///< issues to applications: pathLen 0
};

/// No root lives longer, and no issuing CA.
inline constexpr base::Duration kLongestRootLife = std::chrono::hours(24 * 366 * 25);
inline constexpr base::Duration kLongestIssuingLife = std::chrono::hours(24 * 366 * 11);
/// RFC 5280 appendix A.1 (ub-common-name, ub-organization-name).
inline constexpr std::size_t kCaNameLimit = 64;
/// How many CAs a root of ours lets follow it at most: a new root that it vouches for, and that one's issuing CAs.
inline constexpr int kLongestPath = 2;

/// What a certificate is held against.
struct CaRules {
  CaRank rank;
  const crypto::PublicKey& key;     ///< that it must carry
  const x509::Certificate* issuer;  ///< null: it signs for itself
  base::Instant now;                ///< it must not have ended, and begin about now or earlier
};
/// Everything but the signature's truth. Fails: `ca.profile`, naming the rule and what it wants.
base::Result<void> check_ca(const x509::Certificate& certificate, const CaRules& rules);

/// What somebody wants to have certified.
struct CaOrder {
  CaRank rank;
  x509::SubjectName subject;
  crypto::PublicKey key;
  base::Instant not_before;
  base::Instant not_after;
  int path_length = 0;
  x509::UrlList crl = {};               ///< where its issuer's CRL is published; empty: says nothing
  x509::InformationAccess access = {};  ///< where its issuer's certificate is
};

/// The bytes of one CA certificate, linted. Made only by draft(); what is signed is what was linted.
class CaDraft {
 public:
  const x509::TbsCertificate& tbs() const { return tbs_; }
  /// As it will read, but for the signature.
  const x509::Certificate& shown() const { return shown_; }
  /// Puts the true signature behind it. Fails: `ca.signature` unless `signer` verifies it.
  base::Result<x509::Certificate> assemble(base::BytesView signature) const;

 private:
  friend base::Result<CaDraft> draft(const CaOrder& order, const x509::Certificate* issuer, base::Instant now,
                                     crypto::Random& random);
  CaDraft(x509::TbsCertificate tbs, x509::Certificate shown, crypto::PublicKey signer)
      : tbs_(std::move(tbs)), shown_(std::move(shown)), signer_(std::move(signer)) {}
  x509::TbsCertificate tbs_;
  x509::Certificate shown_;
  crypto::PublicKey signer_;
};

/// `issuer` null: it signs for itself. The serial is drawn from `random`. Fails: `ca.profile`, `certificate.build`.
base::Result<CaDraft> draft(const CaOrder& order, const x509::Certificate* issuer, base::Instant now,
                            crypto::Random& random);

}  // namespace countersign::ceremony
