// Reason: the closed list of why the authorisation server gave no token, or the gateway took none, with the OAuth error
// that says so and what to tell whoever sent it.
//
// The codes are stable: they stand in answers, logs and docs/refusals.md, which is generated from this table.
#pragma once

#include <span>
#include <string_view>

namespace countersign::oauth {

enum class Reason {
  malformed_request,
  grant_not_supported,
  no_certificate,
  certificate_not_active,
  no_client_authentication,
  two_client_authentications,
  client_unknown,
  client_disabled,
  certificate_of_another,
  method_not_allowed,
  secret_refused,
  too_many_attempts,
  assertion_malformed,
  assertion_header,
  assertion_key_unknown,
  assertion_key_not_signing,
  assertion_algorithm,
  assertion_signature,
  assertion_subject,
  assertion_audience,
  assertion_expired,
  assertion_too_long,
  assertion_early,
  assertion_without_id,
  assertion_replayed,
  scope_refused,
  audience_refused,
  statement_refused,
  metadata_refused,
  registration_refused,
  unavailable,
  token_missing,
  token_malformed,
  token_header,
  token_algorithm,
  token_type,
  token_key_unknown,
  token_signature,
  token_issuer,
  token_expired,
  token_early,
  token_revoked,
  token_unbound,
  token_wrong_certificate,
  token_wrong_application,
  token_audience,
  token_scope,
};
inline constexpr std::size_t kReasons = static_cast<std::size_t>(Reason::token_scope) + 1;

struct Explanation {
  Reason reason;
  std::string_view code;     ///< "oauth." and the name in the enumeration
  std::string_view error;    ///< of RFC 6749 section 5.2, RFC 6750 section 3.1, RFC 7591 section 3.2.2, RFC 8707
  int status;                ///< of the answer
  std::string_view meaning;  ///< one sentence: what was found
  std::string_view remedy;   ///< one or two sentences: who does what to mend it
};

/// Every reason, in the order of the enumeration.
std::span<const Explanation> explanations();
const Explanation& explanation(Reason reason);

}  // namespace countersign::oauth
