// Revocation of many certificates at once: first a look at what would end, then the ending of exactly that, bound by
// digest, all in one amendment.
#pragma once

#include "authority/revocation/revocation.h"

namespace countersign::authority {

/// So many end at once at the most.
inline constexpr std::size_t kMostRevokedAtOnce = 10'000;

/// What somebody means. At least one thing must be said: nothing said would mean everything.
struct RevocationOrder {
  std::vector<std::string> serials = {};  ///< these, where given; else those selected
  store::CertificateSelection selection = {};
  std::string reason;
};

struct RevocationPlan {
  /// Neither expired nor revoked (nor reported as compromised before, for that reason), in order of serial; with
  /// key_compromise also every other one of their keys.
  std::vector<store::CertificateRow> certificates;
  /// SHA-256 of reason and serials: whoever ends them says that these are the ones that were looked at.
  std::string plan_sha256;
};

/// Changes nothing. Fails: `reason.unknown`, `revocation.nothing_said`, `revocation.too_many`, `certificate.unknown`
/// naming the serial, `serial.invalid`, and as store.
base::Result<RevocationPlan> plan_revocation(Ledger& ledger, const RevocationOrder& order);

/// All or none. Fails: also `revocation.changed` when the plan is not that of `plan_sha256` any more, and as
/// end_certificate.
base::Result<RevocationPlan> revoke_as_planned(Ledger& ledger, const Actor& actor, const RevocationOrder& order,
                                               const std::string& plan_sha256);

/// The reasons that an application may give for its own certificates.
std::span<const std::string_view> reasons_of_holders();
/// A certificate of `holder` itself, whatever its purpose. Fails: `certificate.not_yours`, `reason.unknown`, and as
/// revoke.
base::Result<Revocation> revoke_own(Ledger& ledger, const base::Identity& holder, const x509::Serial& serial,
                                    const std::string& reason);
/// One of an application of the organisation that `person` belongs to; its people are not meant. Any other is not known
/// at all. Fails: `certificate.unknown`, `reason.unknown`, and as revoke.
base::Result<Revocation> revoke_for_organisation(Ledger& ledger, const base::Identity& person,
                                                 const x509::Serial& serial, const std::string& reason);

}  // namespace countersign::authority
