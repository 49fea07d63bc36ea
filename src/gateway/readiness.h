// Is the gateway ready for traffic (/ready)? Not on the way out, knowing enough of the registry, and once it has had
// something to staple to each certificate that it began with and that must be stapled. Upstreams do not count: one that
// is down is answered for by its routes, and must not take away the others'. Nor does a staple that is missing later:
// it is one site's, and all gateways of a fleet would go at once.
#pragma once

#include <string_view>

#include "base/time.h"

namespace countersign::gateway {

struct Readiness {
  bool draining = false;
  base::Duration oldest_feed = base::Duration::zero();  ///< zero: facts may be as old as they like
  double feed_age_seconds = -1;                         ///< negative: the authority has not answered since start
  bool awaits_staple = false;                           ///< the first since start, where one must be (RFC 7633)
};

/// Empty when it is.
constexpr std::string_view why_not_ready(const Readiness& now) {
  if (now.draining) return "draining";
  const double oldest = static_cast<double>(now.oldest_feed.count()) / 1e6;
  if (oldest > 0 && (now.feed_age_seconds < 0 || now.feed_age_seconds > oldest))
    return "facts too old: the authority does not answer";
  if (now.awaits_staple) return "a certificate must be stapled, and its first OCSP response has not come";
  return "";
}

}  // namespace countersign::gateway
