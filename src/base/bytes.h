// Bytes and views of bytes, with the text forms used all over: hexadecimal and base64 (RFC 4648).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace countersign::base {

using Bytes = std::vector<std::uint8_t>;
using BytesView = std::span<const std::uint8_t>;

inline BytesView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(BytesView bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
inline Bytes to_bytes(BytesView view) { return {view.begin(), view.end()}; }

/// Lower-case hexadecimal, two digits a byte, no separators.
std::string to_hex(BytesView bytes);
/// Accepts upper and lower case. Fails: `hex.invalid` on an odd length or another character.
Result<Bytes> from_hex(std::string_view text);

/// RFC 4648 section 4, with padding, one line.
std::string to_base64(BytesView bytes);
/// RFC 4648 section 5, without padding.
std::string to_base64url(BytesView bytes);
/// Strict: padding required, no white space, no stray bits. Fails: `base64.invalid`.
Result<Bytes> from_base64(std::string_view text);
/// Strict: no padding, no white space. Fails: `base64.invalid`.
Result<Bytes> from_base64url(std::string_view text);

}  // namespace countersign::base
