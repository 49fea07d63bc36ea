// Fills a registry as if so many certificates had been issued over two years, by the ledger's own amendments: intents,
// certificates, the log of certificates, the chain of audit records, the trust feed.
#pragma once

#include "authority/authority.h"

namespace countersign::bench {

struct Filling {
  std::size_t certificates = 1'000'000;
  int organisations = 200;  ///< "fill0", "fill1" ..., each with kFilledApplications in uat and in production
};
inline constexpr int kFilledApplications = 4;

/// One in 30 is revoked, one in five has expired. Returns how long it took, in seconds.
double fill(authority::Authority& authority, const Filling& filling);

}  // namespace countersign::bench
