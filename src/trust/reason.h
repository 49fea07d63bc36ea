// Reason: the closed list of why a peer's certificate is refused, with what to tell its owner.
//
// The names are stable: they stand in logs, metrics, `countersign verify` and docs/refusals.md, which is generated from
// this table. The TLS alert of each is in tls/alert.h; the peer is told nothing else.
#pragma once

#include <span>
#include <string_view>

namespace countersign::trust {

enum class Reason {
  no_certificate,
  malformed,
  chain_too_long,
  not_yet_valid,
  expired,
  unknown_issuer,
  missing_intermediate,
  bad_signature,
  self_signed,
  wrong_purpose,
  wrong_environment,
  wrong_name,
  revoked,
  suspended,
  not_in_registry,
  weak_key,
  weak_signature,
  name_constraint,
  invalid_issuer,
  issuer_withdrawn,
  proof_failed,
};

struct Explanation {
  Reason reason;
  std::string_view name;     ///< as in the enumeration
  std::string_view meaning;  ///< one sentence: what was found
  std::string_view remedy;   ///< one or two sentences: who does what to mend it
};

/// Every reason, in the order of the enumeration.
std::span<const Explanation> explanations();
const Explanation& explanation(Reason reason);
std::string_view name(Reason reason);

}  // namespace countersign::trust
