// WithdrawnCa: an issuing CA of ours that is believed no longer, although its certificate has not ended.
//
// It stays known by name, so that whoever still shows a certificate of it is told why that is refused.
#pragma once

#include <string_view>

#include "x509/certificate.h"

namespace countersign::trust {

enum class WithdrawalCause {
  retired,      ///< its successor has taken over
  compromised,  ///< its key may be in the hands of somebody else
};
std::string_view name(WithdrawalCause cause);
/// Fails: `cause.unknown`.
base::Result<WithdrawalCause> parse_withdrawal_cause(std::string_view text);

struct WithdrawnCa {
  x509::Certificate certificate;
  WithdrawalCause cause;
};

}  // namespace countersign::trust
