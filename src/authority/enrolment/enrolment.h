// Enrolment: every way to a certificate, over one path and one policy. An operator makes a one-time code for an
// application, and whoever has the code and a CSR gets a certificate; whoever has a certificate gets the next one;
// whoever has another credential that is bound to an application (an ACME account) gets one directly.
//
// Each ends in an Outcome: issued, or pending until people have approved. Asking again with the same credential and key
// gives the same certificate, tells how the approval stands, or completes what was interrupted. A purpose of a code is
// redeemed once: asking with another key is refused.
#pragma once

#include "authority/enrolment/renewal.h"
#include "authority/issuance/enrolment_code.h"
#include "authority/issuance/issuance.h"
#include "store/codes.h"

namespace countersign::authority {

inline constexpr base::Duration kDefaultCodeLife = std::chrono::hours(24);
inline constexpr base::Duration kShortestCodeLife = std::chrono::minutes(1);
inline constexpr base::Duration kLongestCodeLife = std::chrono::hours(24 * 30);

struct CodeOrder {
  base::Identity identity;
  std::vector<trust::Purpose> purposes;  ///< empty: all that the application may have
  base::Duration life = kDefaultCodeLife;
};

struct NewCode {
  EnrolmentCode code;
  std::vector<trust::Purpose> purposes;
  base::Instant expires;
};

/// A code as an operator sees it later: never the code itself.
struct KnownCode {
  store::EnrolmentCodeRow row;
  std::vector<store::RedemptionRow> redemptions;
};
/// So many digits of a code's digest name it in the audit log and in lists; fewer may be enough to find it.
inline constexpr std::size_t kShownDigits = 16;
inline constexpr std::size_t kLeastDigits = 8;

struct Redemption {
  std::string_view code;
  trust::Purpose purpose;
  std::string_view csr;  ///< PEM or DER
};

/// Asked with a credential of another kind, which its protocol has verified to be of `identity`.
struct DirectOrder {
  base::Identity identity;
  trust::Purpose purpose;
  x509::Csr csr;
  Actor asked_by;                           ///< the credential, as the audit log names it
  std::optional<std::string> sponsor = {};  ///< the operator who made it
  std::optional<std::string> eab_kid = {};  ///< where the credential is good for one certificate and used up by this
};

/// Belongs to the registry's thread.
class Enrolment {
 public:
  /// Borrows all.
  Enrolment(Ledger& ledger, const Hierarchy& hierarchy, Issuance& issuance, crypto::Random& random)
      : ledger_(ledger), hierarchy_(hierarchy), issuance_(issuance), random_(random) {}

  /// Fails: `application.unknown`, `purpose.not_allowed`, `code.life`, and as store.
  base::Result<NewCode> create_code(const Actor& actor, const CodeOrder& order);

  /// Newest first. Fails: `application.unknown`, and as store.
  base::Result<std::vector<KnownCode>> list_codes(const base::Identity& identity);
  /// The code of `identity` whose digest begins with `digits` is good for nothing from now on; what it gave stays. Done
  /// already is no failure. Fails: `enrolment_code.unknown`, `enrolment_code.ambiguous`, and as store.
  base::Result<KnownCode> cancel_code(const Actor& actor, const base::Identity& identity, const std::string& digits);

  /// Fails: `code.unknown`, `code.cancelled`, `code.expired`, `code.used`, `code.other_purpose`, `certificate.revoked`
  /// (the one it gave), as x509::Csr::parse and Issuance::issue.
  base::Result<Outcome> redeem(const Redemption& redemption);
  /// What redeem() would do, without doing it: for those who issue for many at once. Fails: as redeem() but for
  /// Issuance::issue. The others below are of the same kind.
  base::Result<Enquiry> look_up(const Redemption& redemption);

  /// `transport` renews transport and signing, `service` service and server, `ehi` ehi; always with a new key. Fails:
  /// `purpose.not_allowed`, as find_held_certificate, check_successors and Issuance::issue.
  base::Result<Outcome> renew(const RenewalOrder& order);
  base::Result<Enquiry> look_up(const RenewalOrder& order);

  /// The same key again gives the same certificate while it is valid. Fails: as Issuance::issue.
  base::Result<Outcome> enrol(const DirectOrder& order);
  base::Result<Enquiry> look_up(const DirectOrder& order);

  /// The valid certificate for this use of `key`, if there is one. Fails: as store.
  base::Result<std::optional<Issued>> find_valid(const base::Identity& identity, trust::Purpose purpose,
                                                 const crypto::PublicKey& key);

 private:
  struct Code;
  base::Result<Code> find_code(const Redemption& redemption);
  base::Result<Issued> find_issued(const std::string& serial);
  base::Result<store::CertificateRow> find_held(const RenewalOrder& order, const crypto::PublicKey& key);
  /// The serial that the new certificate replaces, if it is for what the held one is for.
  base::Result<std::optional<std::string>> find_replaced(const RenewalOrder& order, const store::CertificateRow& held);
  base::Result<bool> awaits_approval(const Code& code, const std::string& spki);
  base::Result<Outcome> complete(base::Result<Enquiry> enquiry);
  Ledger& ledger_;
  const Hierarchy& hierarchy_;
  Issuance& issuance_;
  crypto::Random& random_;
};

}  // namespace countersign::authority
