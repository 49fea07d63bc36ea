#include "signatures/verified_signature.h"

#include "base/check.h"

namespace countersign::signatures {
namespace {

std::string seconds(base::Duration duration) {
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(duration).count()) + " s";
}

}  // namespace

std::string_view name(Kind kind) {
  switch (kind) {
    case Kind::rfc9421: return "rfc9421";
    case Kind::jws: return "jws";
    case Kind::header: return "header";
  }
  BASE_UNREACHABLE();
}

std::optional<Refusal> refuse_stale(base::Instant created, std::optional<base::Instant> expires,
                                    const Freshness& freshness) {
  const std::string when =
      "it was made at " + base::to_rfc3339(created) + ", and here it is " + base::to_rfc3339(freshness.now);
  if (created > freshness.now + freshness.skew)
    return refuse(Reason::in_the_future, when + "; the clocks may differ by " + seconds(freshness.skew));
  if (freshness.now > created + freshness.max_age + freshness.skew)
    return refuse(Reason::too_old, when + "; it may be " + seconds(freshness.max_age) + " old");
  if (expires && *expires <= created)
    return refuse(Reason::malformed, "it ends before it was made (expires is not after created)");
  if (expires && freshness.now > *expires + freshness.skew)
    return refuse(Reason::expired,
                  "it ended at " + base::to_rfc3339(*expires) + ", and here it is " + base::to_rfc3339(freshness.now));
  return std::nullopt;
}

}  // namespace countersign::signatures
