// How every enrolment ends, whichever protocol asked: issued, or pending because people must approve it first, or
// refused with an Error.
#pragma once

#include <variant>

#include "authority/authority.h"

namespace countersign::authority {

/// Asking again with the same credential and key gives the state.
struct Pending {
  std::string request;
  base::Duration retry_after;
};
using Outcome = std::variant<Issued, Pending>;

/// For a credential that is bound to an application, such as an ACME account.
struct DirectOrder {
  base::Identity identity;
  trust::Purpose purpose;
  std::string_view csr;
  Actor actor;
};

/// Fails: as Enrolment::redeem.
base::Result<Outcome> redeem(Authority& authority, const Redemption& redemption);
/// With a transport certificate, transport and signing can be renewed. Fails: as Enrolment::renew.
base::Result<Outcome> renew(Authority& authority, const RenewalOrder& order);
/// The same key again gives the same certificate while that is valid and not due. Fails: as x509::Csr::parse and
/// Issuance::issue.
base::Result<Outcome> enrol(Authority& authority, const DirectOrder& order);

}  // namespace countersign::authority
