// CmpConversation: one message of somebody proved, and what it does. Who gets a certificate is decided where every
// other enrolment is: a credential enrols as a code does, a certificate held renews as it does elsewhere.
#pragma once

#include "authority/cmp/reply.h"
#include "authority/issuance/issuance.h"

namespace countersign::authority {

/// messageTime may be so far from our clock (RFC 9483 section 3.5).
inline constexpr base::Duration kCmpClockSkew = std::chrono::minutes(10);
/// Octets of transactionID and of nonces (RFC 9483 section 3.1: 128 bits).
inline constexpr std::size_t kCmpLeastNonce = 16;
inline constexpr std::size_t kCmpMostNonce = 64;
/// A client that polls is told to wait as long as it has waited, between this and what the approval says.
inline constexpr base::Duration kCmpShortestWait = std::chrono::seconds(2);

/// What can be said before anybody is proved: version, transactionID, nonce, time. Fails: `cmp.version`,
/// `cmp.transaction_id`, `cmp.sender_nonce`, `cmp.bad_time`.
base::Result<void> check_cmp_header(const x509::CmpHeader& header, base::Instant now);

/// Borrows all. Belongs to the registry's thread.
class CmpConversation {
 public:
  struct Said {
    const x509::CmpMessage& message;
    const CmpCaller& caller;
    std::optional<trust::Purpose> label;  ///< of the path
    base::BytesView nonce;                ///< that the answer will carry
  };
  CmpConversation(Authority& authority, const Said& said);

  /// Fails: `cmp.*`, and as enrol_by_credential, renew_held and revoke.
  base::Result<CmpAnswer> answer();

 private:
  base::Result<CmpAnswer> enrol();
  base::Result<CmpAnswer> poll();
  base::Result<CmpAnswer> confirm();
  base::Result<CmpAnswer> confirm_forgotten(const x509::CmpConfirmation& confirmation);
  base::Result<CmpAnswer> end_certificate();
  base::Result<CmpAnswer> tell_cas();
  base::Result<trust::Purpose> find_purpose() const;
  base::Result<void> check_old(const x509::CmpCertRequest& request, trust::Purpose purpose);
  base::Result<CmpTransaction> find_transaction();
  base::Result<store::ApplicationKey> find_application(store::Transaction& rows) const;
  base::Result<Outcome> order(trust::Purpose purpose, const x509::Csr& csr);
  /// What became of an order, as ip, cp or kup, or as pollRep; the transaction goes on or ends with it.
  CmpAnswer settle(CmpTransaction transaction, const Outcome& outcome);
  base::Result<void> reject_certificate(const x509::Certificate& certificate);
  base::Instant now() const { return authority_.clock().now(); }

  Authority& authority_;
  const Said said_;
  const CmpTransactionName transaction_;
};

}  // namespace countersign::authority
