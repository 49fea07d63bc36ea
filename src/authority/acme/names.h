// The identifiers of ACME orders (RFC 8555 section 9.7.7): names of applications in the form that ACME clients can say.
// They are approved because the account is bound to the application; none of them is ever written into a certificate.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/identity.h"
#include "trust/purpose.h"

namespace countersign::authority {

/// More identifiers than an application has names.
inline constexpr std::size_t kIdentifierLimit = 8;

/// APPLICATION.ORGANISATION.ENVIRONMENT.countersign.internal: `.internal` is for private use (ICANN, 2024) and resolves
/// nowhere, so it cannot be mistaken for a host.
std::string acme_name(const base::Identity& identity);
/// PURPOSE.acme_name(), for accounts that may have more than one.
std::string acme_name(const base::Identity& identity, trust::Purpose purpose);

struct AcmeNames {
  const base::Identity& identity;
  std::span<const trust::Purpose> purposes;  ///< of the account
};

/// Which certificate an order with these identifiers is for. Each must name the account's own application: by
/// acme_name, with or without purpose, or by the application's id alone, which is what clients find as the CN of a
/// certificate that they renew. Without purpose it is the only one of the account, or else transport. Fails:
/// `acme.identifier`.
base::Result<trust::Purpose> purpose_of_order(std::span<const std::string> identifiers, const AcmeNames& own);

}  // namespace countersign::authority
