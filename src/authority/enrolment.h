// Enrolment: an operator makes a one-time code for an application; whoever has the code and a CSR gets a certificate.
// Renewal: whoever has a certificate gets the next one for the same identity.
//
// A purpose of a code is redeemed once. Asking again with the same key gives the same certificate, or completes what
// was interrupted; asking with another key is refused.
#pragma once

#include "authority/enrolment_code.h"
#include "authority/issuance.h"
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

/// Who renews: the identity and purpose of the certificate that the caller has just proved to hold.
struct RenewalOrder {
  base::Identity identity;
  trust::Purpose held;
  trust::Purpose wanted;
  std::string_view csr;
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
  base::Result<Issued> redeem(const Redemption& redemption);

  /// `service` renews service and server, `ehi` renews ehi. Fails: `purpose.not_allowed`, as x509::Csr::parse and
  /// Issuance::issue.
  base::Result<Issued> renew(const RenewalOrder& order);

  /// The valid certificate for this use of `key`, if there is one. Fails: as store.
  base::Result<std::optional<Issued>> find_valid(const base::Identity& identity, trust::Purpose purpose,
                                                 const crypto::PublicKey& key);

 private:
  struct Code;
  base::Result<Code> find_code(const Redemption& redemption);
  base::Result<Issued> find_issued(const std::string& serial);
  Ledger& ledger_;
  const Hierarchy& hierarchy_;
  Issuance& issuance_;
  crypto::Random& random_;
};

}  // namespace countersign::authority
