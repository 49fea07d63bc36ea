// Reason: the closed list of why a message signature is not believed, with what to tell whoever signed.
//
// The codes are stable: they stand in answers, logs, metrics and docs/refusals.md, which is generated from this table.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace countersign::signatures {

enum class Reason {
  missing,
  malformed,
  not_covered,
  component_unusable,
  unknown_key,
  key_refused,
  wrong_algorithm,
  created_missing,
  too_old,
  in_the_future,
  expired,
  nonce_missing,
  replayed,
  digest_unusable,
  content_changed,
  bad_signature,
  content_too_large,
  busy,
};
inline constexpr std::size_t kReasons = static_cast<std::size_t>(Reason::busy) + 1;

struct Explanation {
  Reason reason;
  std::string_view code;     ///< "signature." and the name in the enumeration
  int status;                ///< of the answer
  std::string_view meaning;  ///< one sentence: what was found
  std::string_view remedy;   ///< one or two sentences: who does what to mend it
};

/// Every reason, in the order of the enumeration.
std::span<const Explanation> explanations();
const Explanation& explanation(Reason reason);

/// Why one message was not believed. `detail` may hold what a stranger sent: cut, but not escaped.
struct Refusal {
  Reason reason;
  std::string detail;      ///< what exactly, in one sentence
  std::string keyid = {};  ///< as the message names it, cut; empty where it was not read
};

/// `keyid` is cut to what a record should hold.
Refusal refuse(Reason reason, std::string detail, std::string_view keyid = {});

}  // namespace countersign::signatures
