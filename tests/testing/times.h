// When tests take place, and the steps that they go in.
#pragma once

#include <chrono>

#include "base/time.h"

namespace countersign::testing {

inline constexpr base::Instant kNow = base::Instant::from_unix_seconds(1'790'000'000);
inline constexpr base::Duration kMinute = std::chrono::minutes(1);
inline constexpr base::Duration kDay = std::chrono::hours(24);

}  // namespace countersign::testing
