// Lint: reads the certificate that is about to be signed as a stranger would, and refuses it unless it says exactly
// what the registry, the profile and the issuer allow. The step of issuance after approval; a failure here is a bug of
// ours.
//
// What is linted are the very bytes that will be signed: they are put together with the signature of a throw-away key.
#pragma once

#include "authority/issuance/approval.h"

namespace countersign::authority {

/// What the certificate must say. Deliberately not a CertificateSpec: the linter does not believe the writer.
struct LintRules {
  const base::Identity& identity;
  trust::Purpose purpose;
  const std::vector<std::string>& server_names;
  const crypto::PublicKey& key;
  const x509::Certificate& issuer;
  base::Instant now;
  /// Where its status is published: the addresses, the name of the issuing CA there, and its number of CRLs.
  struct Status {
    const StatusUrls& urls;
    const std::string& ca;
    std::uint32_t crl_shards;
  } status;
};

/// TBS bytes that passed. Made only by lint().
class Linted {
 public:
  const Checked& checked() const { return approved_.checked(); }
  const Approved& approved() const { return approved_; }
  const x509::TbsCertificate& tbs() const { return tbs_; }
  /// What was looked at: the TBS under a signature that nobody believes.
  const x509::Certificate& shown() const { return shown_; }

 private:
  friend base::Result<Linted> lint(Approved approved, base::Instant now);
  Linted(Approved approved, x509::TbsCertificate tbs, x509::Certificate shown)
      : approved_(std::move(approved)), tbs_(std::move(tbs)), shown_(std::move(shown)) {}
  Approved approved_;
  x509::TbsCertificate tbs_;
  x509::Certificate shown_;
};

/// Writes the TBS of what was approved and applies the rules to it. Fails: `lint.failed`, naming the rule;
/// `certificate.build`.
base::Result<Linted> lint(Approved approved, base::Instant now);

/// The rules alone, for a certificate with any signature. Fails: `lint.failed`.
base::Result<void> apply_rules(const x509::Certificate& certificate, const LintRules& rules);

}  // namespace countersign::authority
