// How a receiver of a webhook knows that it comes from us, is whole, and is not an old one repeated.
#pragma once

#include <string>

#include "base/secret.h"
#include "base/time.h"

namespace countersign::courier {

/// The field Countersign-Signature: `t=UNIXTIME,v1=HEX`, where HEX is HMAC-SHA-256 over "UNIXTIME.BODY" under `secret`
/// as the receiver has it, text and all.
std::string sign_webhook(const base::Secret& secret, base::Instant at, std::string_view body);

}  // namespace countersign::courier
