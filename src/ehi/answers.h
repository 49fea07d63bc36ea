// Private to ehi: what internal systems are told when a partner's answer is not what they get.
#pragma once

#include "ehi/caller.h"
#include "ehi/stand_in.h"

namespace countersign::ehi {

/// On every answer of an endpoint with a mode: partner, decline, stand_in or advice_only.
inline constexpr std::string_view kDecidedByField = "X-Countersign-Decided-By";

/// The failure of a plain endpoint: 504 late, 503 not called, 502 everything else that is not the caller's fault.
http::Response to_response(const CallFailure& failure);

/// 503: neither did the partner answer, nor could an outcome be kept, so nothing was decided.
http::Response to_undecided(const CallFailure& failure, const base::Error& outbox);

struct Why {
  const Outcome& outcome;
  const CallFailure& failure;  ///< its code is the reason, and where the server's certificate was refused, why
};
/// The fields that say who decided what, and why: in the answer, and in the advice.
void describe(http::Fields& fields, const Why& why);

}  // namespace countersign::ehi
