// Holdings: which issuing CAs a data plane believes at this moment, as it tells the authority with every poll of the
// feed. A new issuing CA may only begin to issue when those who judge its certificates hold it.
#pragma once

#include <string>
#include <vector>

#include "trust/trust_set.h"

namespace countersign::feed {

/// So many can be told; nobody has that many.
inline constexpr std::size_t kHoldingsLimit = 256;

/// How a CA is named there: the first 16 digits of its fingerprint.
std::string holding_of(const x509::Certificate& ca);

/// The issuing CAs that one of the roots has signed, comma-separated, in order of name: what cannot be verified here is
/// not held.
std::string holdings_in(const trust::TrustSet& trust);

/// Fails: `query.invalid`.
base::Result<std::vector<std::string>> parse_holdings(std::string_view text);

}  // namespace countersign::feed
