#include "trust/withdrawn_ca.h"

#include "base/check.h"

namespace countersign::trust {

std::string_view name(WithdrawalCause cause) {
  switch (cause) {
    case WithdrawalCause::retired: return "retired";
    case WithdrawalCause::compromised: return "compromised";
  }
  BASE_UNREACHABLE();
}

base::Result<WithdrawalCause> parse_withdrawal_cause(std::string_view text) {
  for (const WithdrawalCause cause : {WithdrawalCause::retired, WithdrawalCause::compromised})
    if (text == name(cause)) return cause;
  return base::fail(
      base::Kind::invalid, "cause.unknown",
      "'" + std::string(text.substr(0, 40)) + "' is no reason to withdraw a CA: use retired or compromised");
}

}  // namespace countersign::trust
