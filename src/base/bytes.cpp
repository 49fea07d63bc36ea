#include "base/bytes.h"

#include <array>

namespace countersign::base {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kStandardAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrlAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

constexpr int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string encode(BytesView bytes, std::string_view alphabet) {
  std::string text;
  text.reserve((bytes.size() * 4 + 2) / 3 + 3);
  std::uint32_t window = 0;
  int bits = 0;
  for (const std::uint8_t byte : bytes) {
    window = (window << 8) | byte;
    for (bits += 8; bits >= 6; bits -= 6)
      text += alphabet[(window >> (bits - 6)) & 63];
  }
  if (bits > 0) text += alphabet[(window << (6 - bits)) & 63];
  return text;
}

constexpr std::array<std::int8_t, 256> reverse(std::string_view alphabet) {
  std::array<std::int8_t, 256> table{};
  table.fill(-1);
  for (std::size_t i = 0; i < alphabet.size(); ++i)
    table[static_cast<unsigned char>(alphabet[i])] = static_cast<std::int8_t>(i);
  return table;
}

Result<Bytes> decode(std::string_view text, const std::array<std::int8_t, 256>& table) {
  Bytes bytes;
  bytes.reserve(text.size() * 3 / 4);
  std::uint32_t window = 0;
  int bits = 0;
  for (const char c : text) {
    const int value = table[static_cast<unsigned char>(c)];
    if (value < 0) return fail(Kind::invalid, "base64.invalid", "a character is not of the base64 alphabet");
    window = (window << 6) | static_cast<std::uint32_t>(value);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes.push_back(static_cast<std::uint8_t>(window >> bits));
    }
  }
  const bool lone_character = bits == 6;
  const bool stray_bits = (window & ((1U << bits) - 1)) != 0;
  if (lone_character || stray_bits) return fail(Kind::invalid, "base64.invalid", "the base64 text is cut off");
  return bytes;
}

}  // namespace

std::string to_hex(BytesView bytes) {
  std::string text(bytes.size() * 2, '0');
  char* out = text.data();
  for (const std::uint8_t byte : bytes) {
    *out++ = kHexDigits[byte >> 4];
    *out++ = kHexDigits[byte & 15];
  }
  return text;
}

Result<Bytes> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return fail(Kind::invalid, "hex.invalid", "hexadecimal text needs two digits a byte");
  Bytes bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_value(text[i]);
    const int low = hex_value(text[i + 1]);
    if (high < 0 || low < 0) return fail(Kind::invalid, "hex.invalid", "a character is not a hexadecimal digit");
    bytes.push_back(static_cast<std::uint8_t>(high * 16 + low));
  }
  return bytes;
}

std::string to_base64(BytesView bytes) {
  std::string text = encode(bytes, kStandardAlphabet);
  text.append((4 - text.size() % 4) % 4, '=');
  return text;
}

std::string to_base64url(BytesView bytes) { return encode(bytes, kUrlAlphabet); }

Result<Bytes> from_base64(std::string_view text) {
  static constexpr auto kTable = reverse(kStandardAlphabet);
  if (text.size() % 4 != 0) return fail(Kind::invalid, "base64.invalid", "the base64 text is cut off");
  for (int padding = 0; padding < 2 && text.ends_with('='); ++padding)
    text.remove_suffix(1);
  return decode(text, kTable);
}

Result<Bytes> from_base64url(std::string_view text) {
  static constexpr auto kTable = reverse(kUrlAlphabet);
  return decode(text, kTable);
}

}  // namespace countersign::base
