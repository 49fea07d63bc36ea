// Serial numbers of what an authority issues: a tick of its clock, and 128 random bits behind it.
//
// A registry keeps much by serial. By chance alone each issuance into a large one writes to a page of its own in every
// such index, and a group of 64 to 64 of them; what was issued at one moment has neighbours instead (docs/adr/0053).
// The tick places, and no more: nobody guesses the rest, and a clock that stands or goes back costs only speed.
#pragma once

#include "base/time.h"
#include "crypto/random.h"
#include "x509/serial.h"

namespace countersign::authority {

/// All that RFC 5280 section 4.1.2.2 allows.
inline constexpr std::size_t kSerialOctets = 20;

/// Positive, and always of that length. Fails: `random.unavailable`.
base::Result<x509::Serial> make_serial(crypto::Random& random, base::Instant now);

}  // namespace countersign::authority
