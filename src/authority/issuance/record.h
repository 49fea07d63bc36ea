// The step of issuance after lint: the intent becomes durable, and only that makes a permit to sign.
#pragma once

#include "authority/issuance/lint.h"
#include "authority/registry/ledger.h"

namespace countersign::authority {

/// Leave to sign one certificate, once: its serial, names and key are on disk. Made only by record(); moving it away
/// empties it, spending it ends it.
class SigningPermit {
 public:
  SigningPermit(SigningPermit&& other) noexcept : content_(std::exchange(other.content_, std::nullopt)) {}
  SigningPermit& operator=(SigningPermit&&) = delete;

  struct Content {
    std::string issuer;  ///< name of the issuing CA whose key must sign
    x509::TbsCertificate tbs;
    x509::Certificate linted;  ///< of the same TBS: another signature makes the certificate of it
  };
  /// What to sign. A permit that was moved away or spent has none: asking for it stops the process.
  Content spend() &&;

 private:
  friend class Recording;
  explicit SigningPermit(Content content) : content_(std::move(content)) {}
  std::optional<Content> content_;
};

/// Stores serial, names, key digest, purpose and who asked of each, binds the enrolment code (if any) to the key,
/// claims the approval (if one was needed), and audits it, all in one amendment; permits come only of what is durable.
/// Where one of them cannot be recorded, each is on its own, so that it fails alone. Fails: `issuance.serial_taken`,
/// `code.used`, `request.changed`, and as store; then nothing of it is stored and nothing may be signed.
std::vector<base::Result<SigningPermit>> record(Ledger& ledger, const std::vector<const Linted*>& group);

}  // namespace countersign::authority
