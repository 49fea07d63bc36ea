// Names for rows that have none of their own.
#pragma once

#include <string>

#include "crypto/random.h"

namespace countersign::authority {

/// 128 random bits, hexadecimal. Fails: `random.unavailable`.
base::Result<std::string> make_id(crypto::Random& random);

}  // namespace countersign::authority
