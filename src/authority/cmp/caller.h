// CmpCaller: who protected a CMP message, proved by today's registry. Made only by verify().
#pragma once

#include <variant>

#include "authority/authority.h"
#include "trust/verdict.h"
#include "x509/cmp_message.h"

namespace countersign::authority {

class CmpCaller {
 public:
  /// Knows the HMAC key of a credential that an operator made, and said which.
  struct Credential {
    std::string kid;
    base::Secret secret;
    crypto::PasswordMac how;
  };

  /// A MAC is checked before the credential is looked up: that there is one is told to who has its key alone. A
  /// signature must be by the first certificate of extraCerts, a partner's, which the registry admits at this moment.
  /// Fails: `cmp.unprotected`, `cmp.mac_algorithm`, `cmp.bad_mac`, `cmp.no_certificate`, `cmp.bad_signature`,
  /// `cmp.signer_refused`, `cmp.signer_revoked`, and as store.
  static base::Result<CmpCaller> verify(Authority& authority, const x509::CmpMessage& message);

  /// As it names its transactions: "eab-credential:KID", as the audit log has it, or "certificate:FINGERPRINT".
  const std::string& name() const { return name_; }
  /// Null when a certificate signed.
  const Credential* credential() const { return std::get_if<Credential>(&proof_); }
  /// Null when a credential did. Who it is has proved to hold the key, in this message.
  const trust::AdmittedChain* holder() const { return std::get_if<trust::AdmittedChain>(&proof_); }

 private:
  using Proof = std::variant<Credential, trust::AdmittedChain>;
  CmpCaller(std::string name, Proof proof) : name_(std::move(name)), proof_(std::move(proof)) {}
  static base::Result<CmpCaller> verify_mac(Authority& authority, const x509::CmpMessage& message,
                                            crypto::PasswordMac how);
  static base::Result<CmpCaller> verify_signature(Authority& authority, const x509::CmpMessage& message);
  std::string name_;
  Proof proof_;
};

}  // namespace countersign::authority
