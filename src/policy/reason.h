// Reason: the closed list of why a request that was understood is not let through, with what to tell whoever sent it.
//
// Not about certificates: those are refused in the handshake, for a trust::Reason. The codes are stable: they stand in
// answers, logs, metrics and docs/refusals.md, which is generated from this table.
#pragma once

#include <span>
#include <string_view>

namespace countersign::policy {

enum class Reason {
  not_granted,
  wrong_address,
  api_key_missing,
  api_key_refused,
  too_fast,
  too_many_at_once,
  too_many_bytes,
  day_used_up,
};
inline constexpr std::size_t kReasons = static_cast<std::size_t>(Reason::day_used_up) + 1;

struct Explanation {
  Reason reason;
  std::string_view code;     ///< "policy." and the name in the enumeration
  int status;                ///< of the answer: 403, or 429 with Retry-After
  std::string_view meaning;  ///< one sentence: what was found
  std::string_view remedy;   ///< one or two sentences: who does what to mend it
};

/// Every reason, in the order of the enumeration.
std::span<const Explanation> explanations();
const Explanation& explanation(Reason reason);
/// Does waiting help? Those are recorded at powers of two only: whoever is over a limit would fill the log, too.
inline bool is_limit(Reason reason) { return reason >= Reason::too_fast; }

}  // namespace countersign::policy
