// SHA-256 (FIPS 180-4), the one digest by which Countersign names things.
#pragma once

#include <array>
#include <initializer_list>

#include "base/bytes.h"

namespace countersign::crypto {

using Digest256 = std::array<std::uint8_t, 32>;

Digest256 sha256(base::BytesView data);
/// Of the parts one after the other, as if they were one.
Digest256 sha256(std::initializer_list<base::BytesView> parts);

}  // namespace countersign::crypto
