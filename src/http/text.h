// Characters and small texts of HTTP (RFC 9110 section 5.6). Private to http.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace countersign::http {

/// What a byte may be part of, looked up: every byte of every head is asked about.
enum : std::uint8_t { kTokenCharacter = 1, kFieldCharacter = 2, kVisibleCharacter = 4 };
inline constexpr std::array<std::uint8_t, 256> kCharacters = [] {
  std::array<std::uint8_t, 256> table{};
  for (std::size_t c = 0; c < table.size(); ++c) {
    const bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    const bool mark =
        c != 0 && c < 0x80 && std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string_view::npos;
    if (alphanumeric || mark) table[c] |= kTokenCharacter;
    if (c == '\t' || (c >= 0x20 && c != 0x7f)) table[c] |= kFieldCharacter;
    if (c > 0x20 && c < 0x7f) table[c] |= kVisibleCharacter;
  }
  return table;
}();
inline bool is_of(char c, std::uint8_t kind) { return (kCharacters[static_cast<unsigned char>(c)] & kind) != 0; }
inline bool all_of(std::string_view text, std::uint8_t kind) {
  std::uint8_t common = kind;
  for (const char c : text)
    common &= kCharacters[static_cast<unsigned char>(c)];
  return common != 0;
}

/// tchar, RFC 9110 section 5.6.2.
inline bool is_token_character(char c) { return is_of(c, kTokenCharacter); }
inline bool is_token(std::string_view text) { return !text.empty() && all_of(text, kTokenCharacter); }
/// Is one of eight bytes a control character (a tab is one)?
inline bool holds_control(std::uint64_t bytes) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  constexpr std::uint64_t kHighest = kOnes * 0x80;
  const std::uint64_t deletes = bytes ^ (kOnes * 0x7f);
  return (((bytes - kOnes * 0x20) & ~bytes) | ((deletes - kOnes) & ~deletes)) & kHighest;
}
/// How many bytes at the front of `text` are 0x20 to 0x7e, horizontal tab, or obs-text (0x80 and above).
inline std::size_t count_field_text(std::string_view text) {
  std::size_t count = 0;
  for (std::uint64_t eight = 0; text.size() - count >= sizeof eight; count += sizeof eight) {
    std::memcpy(&eight, text.data() + count, sizeof eight);
    if (holds_control(eight)) break;
  }
  while (count < text.size() && is_of(text[count], kFieldCharacter))
    ++count;
  return count;
}
inline bool is_field_text(std::string_view text) { return count_field_text(text) == text.size(); }
/// 0x21 to 0x7e only: what a request target may be made of.
inline bool is_visible_ascii(std::string_view text) { return all_of(text, kVisibleCharacter); }
/// Of texts of one size.
bool same_ignoring_case(std::string_view a, std::string_view b);
inline bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && same_ignoring_case(a, b);
}
inline char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
/// Without spaces and tabs around it.
std::string_view trim(std::string_view text);
/// Decimal digits only, up to 18 of them.
std::optional<std::uint64_t> parse_decimal(std::string_view text);
/// Hexadecimal digits only, up to 15 of them.
std::optional<std::uint64_t> parse_hexadecimal(std::string_view text);
/// Each %XX once; `plus` as a space when `form` encoding is asked for. Nothing on a broken escape.
enum class PlusSign { literal, space };
std::optional<std::string> percent_decode(std::string_view text, PlusSign plus);

}  // namespace countersign::http
