// Telling: when a data plane next tells the authority what it has seen and refused.
#pragma once

#include <cstddef>

#include "base/time.h"

namespace countersign::feed {

/// Soon, so that owners read of a refusal within seconds.
inline constexpr base::Duration kTelling = std::chrono::seconds(1);
/// Where more is waiting than one call takes, many are refused at once, as when an issuing CA was withdrawn. Then
/// the authority has all of them to issue anew, and better things to do than to count.
inline constexpr base::Duration kTellingOfMany = std::chrono::seconds(10);

/// After a call that told of `told` refusals.
base::Duration pause_after_telling(std::size_t told);

}  // namespace countersign::feed
