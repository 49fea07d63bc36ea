// observe: looks at a server from outside, by some forty short connections one after the other, and writes down what it
// saw. Judging is done elsewhere (judge.h).
//
// Nothing is believed on the way, and no server can hold it up: each step has the target's patience, all of them
// together kObserveTime, and what is read has limits (hello.h, tls/probe.h, http/client.h).
#pragma once

#include "check/observations.h"
#include "check/target.h"
#include "net/loop.h"

namespace countersign::check {

/// The longest that all of it takes.
inline constexpr base::Duration kObserveTime = std::chrono::minutes(3);
/// And the measuring of latency.
inline constexpr base::Duration kMeasureTime = std::chrono::seconds(30);
/// No answer that is looked at is larger.
inline constexpr std::size_t kAnswerLimit = 1024 * 1024;

struct Surroundings {
  net::Loop& loop;
  const base::Clock& clock;
  crypto::Random& random;
};

/// Borrows `target` and what is in `with` until it has ended.
net::Task<Observations> observe(const Target& target, Surroundings with);

}  // namespace countersign::check
