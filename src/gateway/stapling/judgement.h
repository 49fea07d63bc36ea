// What an OCSP responder said of a certificate of ours, and whether it may be stapled: a pure function of bytes and
// time.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "x509/ocsp_staple.h"

namespace countersign::gateway {

/// Why there is nothing to staple. The order is that of kStapleTroubles.
enum class StapleTrouble {
  unreachable,        ///< no answer within the time, or one that is too large
  refused,            ///< an answer other than 200
  malformed,          ///< no OCSP response, or one with more around what is signed than has to be
  unsuccessful,       ///< one that says nothing but an error, such as unauthorized or tryLater
  other_certificate,  ///< it is about another one
  bad_signature,      ///< not signed by the issuer, nor by a responder that it appointed (RFC 6960 section 4.2.2.2)
  not_current,        ///< ended, of the future, without an end, or older than what was said before
  unknown,            ///< the responder does not know the certificate
  revoked,            ///< and never stapled
};
inline constexpr std::array<std::string_view, 9> kStapleTroubles = {
    "unreachable",   "refused",     "malformed", "unsuccessful", "other_certificate",
    "bad_signature", "not_current", "unknown",   "revoked"};
inline std::string_view name(StapleTrouble trouble) { return kStapleTroubles[static_cast<std::size_t>(trouble)]; }

struct StapleRefusal {
  StapleTrouble trouble;
  std::string detail;
  base::Instant this_update = {};  ///< of `revoked`
};

/// Good, and current at the time it was judged.
struct GoodStaple {
  base::Bytes der;
  base::Instant this_update;
  base::Instant until;  ///< nextUpdate, or the end of the certificate that signed it, whichever comes first
};

/// A thisUpdate may be so far ahead of our clock. An end is an end: clients go by their own clocks.
inline constexpr base::Duration kOcspClockSkew = std::chrono::minutes(5);

/// `revoked` is believed whenever it was signed.
base::Result<GoodStaple, StapleRefusal> judge_staple(base::Bytes der, const x509::Certificate& leaf,
                                                     const x509::Certificate& issuer, base::Instant now);
/// The trouble of an answer that never came, by its error.
StapleRefusal no_staple(const base::Error& error);

}  // namespace countersign::gateway
